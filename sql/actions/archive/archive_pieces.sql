-- The partitions of a table that have rows in a time range, and how each can be moved to another table.
-- lane: slow
--
-- `form`: attach (already detached by an interrupted run), finalize (its detach was interrupted), detach (a whole
-- partition that the target can attach), swap (the same in one transaction, because DETACH CONCURRENTLY is not possible
-- with a default partition, or has to be confined to the owner), batches (anything else). `why` says why a whole
-- partition cannot be attached; `about` and `bytes` are its rows and its heap as VACUUM or ANALYZE last counted them.
-- A partition that is being moved has a progress marker in front of its comment. The
-- TimeZone of the reading session is UTC.
WITH asked AS MATERIALIZED (
  SELECT pg_catalog.tsrange(%(lower)s::timestamp, %(upper)s::timestamp) AS span
), side AS MATERIALIZED (
  SELECT c.oid, c.relkind, c.relpersistence, c.relowner, c.relpages, c.reltuples, c.relname, n.nspname, t.partdefid,
         pg_catalog.format('%%I.%%I', n.nspname, c.relname) AS name, a.attname AS key, a.atttypid AS key_type,
         t.partstrat = 'r' AND t.partnatts = 1 AND t.partattrs[0] = a.attnum AS by_key
    FROM pg_catalog.pg_class c
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    LEFT JOIN pg_catalog.pg_partitioned_table t ON t.partrelid = c.oid
    LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attname = %(key)s AND NOT a.attisdropped
   WHERE c.oid IN (%(origin)s::bigint::oid, %(target)s::bigint::oid)
), origin AS MATERIALIZED (
  SELECT s.* FROM side s WHERE s.oid = %(origin)s::bigint::oid
), target AS MATERIALIZED (
  SELECT s.* FROM side s WHERE s.oid = %(target)s::bigint::oid
), bound AS MATERIALIZED (
  SELECT h.inhparent, h.inhrelid, h.inhdetachpending AS pending, e.edge,
         CASE WHEN e.edge IS NOT NULL THEN pg_catalog.tsrange(
           CASE WHEN e.edge[1] <> 'MINVALUE' THEN pg_catalog.btrim(e.edge[1], '''')::timestamptz AT TIME ZONE 'UTC' END,
           CASE WHEN e.edge[2] <> 'MAXVALUE' THEN pg_catalog.btrim(e.edge[2], '''')::timestamptz AT TIME ZONE 'UTC' END)
               END AS span
    FROM side s
    JOIN pg_catalog.pg_inherits h ON h.inhparent = s.oid AND s.by_key
    JOIN pg_catalog.pg_class c ON c.oid = h.inhrelid
    LEFT JOIN LATERAL pg_catalog.regexp_match(pg_catalog.pg_get_expr(c.relpartbound, 0),
      '^FOR VALUES FROM \((MINVALUE|''[^'']*'')\) TO \((MAXVALUE|''[^'']*'')\)$') e(edge) ON true
), mark AS MATERIALIZED (
  SELECT pg_catalog.format('pipeline-console: on its way from %%s to %%s, ', o.name, t.name) AS forth,
         pg_catalog.format('pipeline-console: on its way from %%s to %%s, ', t.name, o.name) AS back
    FROM origin o, target t
), marked AS MATERIALIZED (
  SELECT c.oid, m.forth IS NOT NULL AND pg_catalog.starts_with(d.description, m.forth) AS forth,
         pg_catalog.regexp_match(pg_catalog.substr(d.description, pg_catalog.length(m.forth) + 1),
           '^FROM \((MINVALUE|''[^'']*'')\) TO \((MAXVALUE|''[^'']*'')\)(?:\n|$)') AS edge,
         c.relispartition, c.relkind, c.relpersistence
    FROM mark m, origin o, pg_catalog.pg_description d
    JOIN pg_catalog.pg_class c ON c.oid = d.objoid AND d.classoid = 'pg_catalog.pg_class'::pg_catalog.regclass
     AND d.objsubid = 0
   WHERE c.relowner = o.relowner
     AND (pg_catalog.starts_with(d.description, m.forth) OR pg_catalog.starts_with(d.description, m.back))
), candidate AS (
  SELECT o.oid, NULL::text[] AS edge, '(,)'::tsrange AS span, 'batches' AS form FROM origin o WHERE o.relkind = 'r'
  UNION ALL
  SELECT b.inhrelid, b.edge, b.span,
         CASE WHEN b.pending THEN 'finalize' WHEN b.span <@ a.span THEN 'detach' ELSE 'batches' END
    FROM origin o
    JOIN bound b ON b.inhparent = o.oid
   CROSS JOIN asked a
   WHERE b.pending OR b.span IS NULL OR (b.span && a.span AND b.span <> 'empty')
  UNION ALL
  SELECT m.oid, m.edge, pg_catalog.tsrange(
           CASE WHEN m.edge[1] <> 'MINVALUE' THEN pg_catalog.btrim(m.edge[1], '''')::timestamptz AT TIME ZONE 'UTC' END,
           CASE WHEN m.edge[2] <> 'MAXVALUE' THEN pg_catalog.btrim(m.edge[2], '''')::timestamptz AT TIME ZONE 'UTC'
               END), 'attach'
    FROM marked m WHERE m.forth AND NOT m.relispartition AND m.relkind IN ('r', 'p') AND m.edge IS NOT NULL
), judged AS (
  SELECT k.*, c.relkind, c.relname, n.nspname, pg_catalog.format('%%I.%%I', n.nspname, c.relname) AS name, c.relpages,
         c.reltuples,
         (SELECT CASE
            WHEN t.relkind <> 'p' THEN t.name || ' is not partitioned'
            WHEN t.by_key IS NOT TRUE OR t.key_type <> o.key_type THEN t.name || ' is partitioned by another key'
            WHEN t.partdefid <> 0 THEN t.name || ' has a default partition'
            WHEN c.relkind NOT IN ('r', 'p') OR c.relpersistence <> 'p' THEN 'it is not an ordinary table'
            WHEN EXISTS (SELECT FROM bound b WHERE b.inhparent = t.oid AND b.span && k.span)
              THEN t.name || ' already has a partition for that range'
            WHEN EXISTS (
              SELECT FROM (SELECT attname, atttypid, atttypmod, attcollation, attgenerated, attnotnull
                           FROM pg_catalog.pg_attribute
                            WHERE attrelid = t.oid AND attnum > 0 AND NOT attisdropped) x
                FULL JOIN (SELECT attname, atttypid, atttypmod, attcollation, attgenerated, attnotnull
                           FROM pg_catalog.pg_attribute
                            WHERE attrelid = k.oid AND attnum > 0 AND NOT attisdropped) y USING (attname)
               WHERE (x.atttypid, x.atttypmod, x.attcollation, x.attgenerated) IS DISTINCT FROM
                     (y.atttypid, y.atttypmod, y.attcollation, y.attgenerated) OR (x.attnotnull AND NOT y.attnotnull))
              THEN 'its columns differ from the columns of ' || t.name
            WHEN EXISTS (
              SELECT FROM pg_catalog.pg_constraint x
               WHERE x.conrelid = t.oid AND x.contype = 'c' AND NOT x.connoinherit
                 AND NOT EXISTS (SELECT FROM pg_catalog.pg_constraint y
                                  WHERE y.conrelid = k.oid AND y.contype = 'c' AND y.conname = x.conname
                                    AND y.convalidated
                                    AND pg_catalog.pg_get_constraintdef(y.oid)
                                        = pg_catalog.pg_get_constraintdef(x.oid)))
              THEN 'it lacks a CHECK constraint of ' || t.name
            END FROM target t) AS why
    FROM candidate k
    JOIN pg_catalog.pg_class c ON c.oid = k.oid
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
   CROSS JOIN origin o
), decided AS MATERIALIZED (
  SELECT j.*, CASE WHEN j.form = 'detach' AND j.why IS NOT NULL THEN 'batches'
                   -- nothing confines DETACH CONCURRENTLY to the owner, who is not who connected
                   WHEN j.form = 'detach' AND (o.partdefid <> 0 OR CURRENT_USER <> SESSION_USER) THEN 'swap'
                   ELSE j.form END AS way,
         pg_catalog.concat_ws(' AND ', pg_catalog.format('%%I >= ', o.key) || pg_catalog.quote_literal(%(lower)s::text),
                              pg_catalog.format('%%I < ', o.key)
                                  || pg_catalog.quote_literal(%(upper)s::text)) AS inside,
         o.key, o.key_type
    FROM judged j CROSS JOIN origin o
), refusal AS (
  SELECT pg_catalog.format('%%s is not a table.', s.name) AS refused,
         NULL AS remedy FROM side s WHERE s.relkind NOT IN ('r', 'p')
  UNION ALL
  SELECT pg_catalog.format('%%s has no column %%I of type date, timestamptz or timestamp.', s.name, %(key)s),
         'Correct the archive policy.'
    FROM side s
   WHERE s.key_type IS NULL OR s.key_type NOT IN ('date'::pg_catalog.regtype, 'timestamptz'::pg_catalog.regtype,
                                                  'timestamp'::pg_catalog.regtype)
  UNION ALL
  SELECT pg_catalog.format('%%s is not partitioned by ranges of %%I.', o.name, o.key), NULL
    FROM origin o WHERE o.relkind = 'p' AND o.by_key IS NOT TRUE
  UNION ALL
  SELECT pg_catalog.format('%%I.%%I is in neither %%s nor %%s: a run that was interrupted had detached it to move it '
                           'from %%s to %%s.', n.nspname, c.relname, t.name, o.name, t.name, o.name),
         'Finish that action first: run it again, or undo it.'
    FROM marked m
    JOIN pg_catalog.pg_class c ON c.oid = m.oid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace, origin o,
    target t
   WHERE NOT m.forth AND NOT m.relispartition
  UNION ALL
  SELECT pg_catalog.format('The detach of %%s was interrupted, and it cannot be moved as a partition: %%s.', d.name,
                           coalesce(d.why, 'it is outside the requested range')),
         pg_catalog.format('ALTER TABLE %%s DETACH PARTITION %%s FINALIZE ends it.', o.name, d.name)
    FROM decided d, origin o, asked a WHERE d.form = 'finalize' AND (d.why IS NOT NULL OR NOT d.span <@ a.span)
  UNION ALL
  SELECT pg_catalog.format('%%s was detached, and cannot be attached to %%s: %%s.', d.name, t.name, d.why),
         'Correct that, then run this action again.'
    FROM decided d, target t WHERE d.form = 'attach' AND d.why IS NOT NULL
  UNION ALL
  SELECT pg_catalog.format('Row-level security hides rows of %%s from this role.', d.name),
         'Connect as a role with BYPASSRLS, or as the owner.'
    FROM decided d WHERE d.way = 'batches' AND pg_catalog.row_security_active(d.oid)
  UNION ALL
  SELECT pg_catalog.format('Only the owner of %%s may do this.', s.name),
         pg_catalog.format('Connect as %%s.', pg_catalog.pg_get_userbyid(s.relowner))
    FROM side s WHERE NOT pg_catalog.pg_has_role(s.relowner, 'USAGE')
)
SELECT r.refused, r.remedy, NULL AS oid, NULL AS name, NULL AS form, NULL AS why, NULL AS rows, NULL AS first,
       NULL AS last, NULL AS about, NULL AS bytes
  FROM refusal r
UNION ALL
SELECT NULL, NULL, d.oid::bigint, d.name, d.way, d.why, f.rows, f.first, f.last,
       CASE WHEN d.reltuples >= 0 THEN d.reltuples::bigint END,
       CASE WHEN d.reltuples >= 0 THEN d.relpages * pg_catalog.current_setting('block_size')::bigint END
  FROM decided d
  LEFT JOIN LATERAL (  -- ts_stat runs a query given as text
       SELECT pg_catalog.max(pg_catalog.substr(t.word, 3)) FILTER (WHERE t.word LIKE 'n:%%')::bigint AS rows,
              pg_catalog.max(pg_catalog.substr(t.word, 3)) FILTER (WHERE t.word LIKE 'a:%%') AS first,
              pg_catalog.max(pg_catalog.substr(t.word, 3)) FILTER (WHERE t.word LIKE 'z:%%') AS last
         FROM pg_catalog.ts_stat(pg_catalog.format(
           'SELECT pg_catalog.array_to_tsvector(ARRAY[''n:'' || pg_catalog.count(*), ''a:'' || '
           'coalesce(pg_catalog.min(%%I)::date::text, ''''),'
           ' ''z:'' || coalesce(pg_catalog.max(%%I)::date::text, '''')]) FROM ONLY %%s WHERE %%s', d.key, d.key, d.name,
           d.inside)) t
       ) f ON d.way = 'batches' AND d.relkind = 'r' AND NOT EXISTS (SELECT FROM refusal)
 WHERE NOT EXISTS (SELECT FROM refusal) AND (d.way <> 'batches' OR d.relkind <> 'r' OR f.rows > 0)
 ORDER BY first NULLS FIRST, name
