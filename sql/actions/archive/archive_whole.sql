-- Statements that move whole partitions from one table to another without copying rows.
--
-- A partition first gets a progress marker in front of its comment, by which an interrupted run finds it between detach
-- and attach. DETACH CONCURRENTLY leaves a CHECK constraint with the bounds, which lets ATTACH skip the validation
-- scan. Foreign keys that the target lacks are dropped; those it has are added and validated while nothing else uses
-- the table. That the data file stays the same proves that no row is lost; with `verify`, count and checksum are
-- compared as well.
WITH side AS MATERIALIZED (
  SELECT c.oid, pg_catalog.format('%%I.%%I', n.nspname, c.relname) AS name
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
   WHERE c.oid IN (%(origin)s::bigint::oid, %(target)s::bigint::oid)
), piece AS MATERIALIZED (
  SELECT c.oid, w.way, pg_catalog.format('%%I.%%I', n.nspname, c.relname) AS name, o.name AS origin, t.name AS target,
         t.oid AS target_oid,
         m.forth, pg_catalog.pg_relation_filenode(c.oid) AS file, d.description,
         CASE WHEN pg_catalog.starts_with(d.description, m.forth)
              THEN nullif(pg_catalog.regexp_replace(d.description, '^[^\n]*\n?', ''), '') ELSE d.description
                  END AS comment,
         coalesce(pg_catalog.starts_with(d.description, m.forth), false) AS marked,
         pg_catalog.regexp_match(coalesce(pg_catalog.pg_get_expr(c.relpartbound, 0),
                                          'FOR VALUES ' || pg_catalog.substr(d.description,
                                                pg_catalog.length(m.forth) + 1)),
           '^FOR VALUES FROM \((MINVALUE|''[^'']*'')\) TO \((MAXVALUE|''[^'']*'')\)(?:\n|$)') AS edge,
         pg_catalog.format('%%s rows, %%s', CASE WHEN c.reltuples < 0 THEN 'unknown' ELSE 'about '
                           || c.reltuples::bigint END,
           pg_catalog.pg_size_pretty(c.relpages * pg_catalog.current_setting('block_size')::bigint)) AS size
    FROM ROWS FROM (pg_catalog.unnest(%(oids)s::bigint[]), pg_catalog.unnest(%(ways)s::text[])) w(oid, way)
    JOIN pg_catalog.pg_class c ON c.oid = w.oid::oid
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    JOIN side o ON o.oid = %(origin)s::bigint::oid
    JOIN side t ON t.oid = %(target)s::bigint::oid
   CROSS JOIN LATERAL (SELECT pg_catalog.format('pipeline-console: on its way from %%s to %%s, ', o.name, t.name)
                       AS forth) m
    LEFT JOIN pg_catalog.pg_description d
      ON d.objoid = c.oid AND d.classoid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objsubid = 0
), ready AS MATERIALIZED (
  SELECT p.*, pg_catalog.format('FROM (%%s) TO (%%s)', p.edge[1], p.edge[2]) AS bounds,
         pg_catalog.concat_ws(' AND ', pg_catalog.format('%%I IS NOT NULL', %(key)s::text),
           CASE WHEN p.edge[1] <> 'MINVALUE' THEN pg_catalog.format('%%I >= %%s', %(key)s::text, p.edge[1]) END,
           CASE WHEN p.edge[2] <> 'MAXVALUE' THEN pg_catalog.format('%%I < %%s', %(key)s::text, p.edge[2])
               END) AS inside,
         pg_catalog.format('EXISTS (SELECT FROM pg_catalog.pg_inherits WHERE inhrelid = %%s AND NOT inhdetachpending)',
                           p.oid) AS attached,
         pg_catalog.format('EXISTS (SELECT FROM pg_catalog.pg_inherits WHERE inhrelid = %%s AND inhdetachpending)',
                           p.oid) AS pending,
         pg_catalog.format('ALTER TABLE %%s DETACH PARTITION %%s', p.origin, p.name) AS detach,
         k.bounds AS promise,
         h.fields
    FROM piece p
    LEFT JOIN LATERAL (SELECT c.convalidated AS bounds FROM pg_catalog.pg_constraint c
                        WHERE c.conrelid = p.oid AND c.conname = 'pipeline_console_bounds') k ON true
   CROSS JOIN LATERAL (  -- by the output function, never by casts, which may be user-defined
        SELECT pg_catalog.string_agg(CASE WHEN a.atttypid IN (16, 17, 18, 19, 20, 21, 23, 25, 26, 700, 701, 869, 1042,
              1043, 1082,
                 1083, 1114, 1184, 1186, 1266, 1700, 2950, 3802) THEN pg_catalog.quote_ident(a.attname)
                 ELSE pg_catalog.format('pg_catalog.format(''%%%%L'', %%I)', a.attname) END,
                 ', ' ORDER BY a.attnum) AS fields
          FROM pg_catalog.pg_attribute a WHERE a.attrelid = p.oid AND a.attnum > 0 AND NOT a.attisdropped) h
), reference AS MATERIALIZED (  -- foreign keys that differ: the partition loses its own, gets those of the target
  SELECT r.oid, x.conname, x.conrelid = r.oid AS own, pg_catalog.pg_get_constraintdef(x.oid) AS definition,
         pg_catalog.format('%%I.%%I', n.nspname, f.relname) AS referenced
    FROM ready r
    JOIN pg_catalog.pg_constraint x ON x.conrelid IN (r.oid, r.target_oid) AND x.contype = 'f'
    JOIN pg_catalog.pg_class f ON f.oid = x.confrelid
    JOIN pg_catalog.pg_namespace n ON n.oid = f.relnamespace
   WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_constraint u WHERE u.oid = x.conparentid AND u.conrelid = x.conrelid)
     AND NOT EXISTS (SELECT FROM pg_catalog.pg_constraint y
                      WHERE y.conrelid = CASE WHEN x.conrelid = r.oid THEN r.target_oid ELSE r.oid END
                        AND y.contype = 'f'
                        AND pg_catalog.pg_get_constraintdef(y.oid) = pg_catalog.pg_get_constraintdef(x.oid))
), step AS (
  SELECT r.oid, 10 AS ordinal,
         pg_catalog.format('COMMENT ON TABLE %%s IS %%L', r.name, r.forth || r.bounds
                           || coalesce(E'\n' || r.comment, '')) AS sql,
         'SHARE UPDATE EXCLUSIVE on ' || r.name AS lock, r.name AS "on", true AS transaction,
         r.name || ' mark' AS "group",
         pg_catalog.format('COMMENT ON TABLE %%s IS %%L', r.name, r.comment) AS undo, NULL AS estimate,
         'progress marker for resuming an interrupted run' AS note, NULL AS expect,
         NULL::float8 AS lock_timeout, NULL AS again
    FROM ready r WHERE r.way IN ('detach', 'finalize') AND NOT r.marked
  UNION ALL
  SELECT r.oid, v.ordinal,
         pg_catalog.format('SELECT pg_catalog.set_config(%%L, pg_catalog.concat_ws('' '', pg_catalog.count(*), '
           'pg_catalog.sum(pg_catalog.hash_record_extended(ROW(%%s), 0))), false) FROM %%s',
           pg_catalog.format('pipeline_console.%%s_%%s', v.moment, r.oid), r.fields, r.name),
         'ACCESS SHARE on ' || r.name, r.name, false, '', NULL, r.size, v.note,
         CASE v.moment WHEN 'after' THEN pg_catalog.format(
           'SELECT b.told = a.told, pg_catalog.format(''Rows and checksum of %%%%s were %%%%s before and are %%%%s '
           'after: '
           'rows were written meanwhile, or it is damaged'', %%L, b.told, a.told) '
           'FROM (SELECT coalesce(nullif(pg_catalog.current_setting(%%L, true), ''''), ''not counted'')) b(told), '
           '(SELECT pg_catalog.current_setting(%%L)) a(told)', r.name,
           'pipeline_console.before_' || r.oid, 'pipeline_console.after_' || r.oid) END, NULL, NULL
    FROM ready r
   CROSS JOIN (VALUES (15, 'before', 'count and checksum before the move'),
                      (60, 'after', 'count and checksum after the move, compared')) v(ordinal, moment, note)
   WHERE %(verify)s
  UNION ALL
  SELECT r.oid, 20, CASE r.way WHEN 'finalize' THEN r.detach || ' FINALIZE' ELSE r.detach || ' CONCURRENTLY' END,
         pg_catalog.format('SHARE UPDATE EXCLUSIVE on %%s; ACCESS EXCLUSIVE on %%s at the end', r.origin, r.name),
         r.origin, false, '',
         pg_catalog.format('ALTER TABLE %%s ATTACH PARTITION %%s FOR VALUES %%s', r.origin, r.name, r.bounds), r.size,
         CASE r.way WHEN 'finalize' THEN 'completes an interrupted detach'
                    ELSE 'its rows are not visible until attached; other partitions stay readable and writable' END,
         NULL, CASE WHEN r.way = 'detach' THEN 5 END,
         pg_catalog.format('SELECT %%L, NULL::float8 WHERE %%s UNION ALL SELECT %%L, 5 WHERE %%s',
                           r.detach || ' FINALIZE', r.pending, r.detach || ' CONCURRENTLY',
                           r.attached || pg_catalog.format(' AND NOT EXISTS (SELECT FROM pg_catalog.pg_inherits WHERE '
                                                           'inhparent = %%s AND inhrelid = %%s)',
                                                           r.target_oid, r.oid))
    FROM ready r WHERE r.way IN ('detach', 'finalize')
  UNION ALL
  SELECT r.oid, 20, pg_catalog.format('ALTER TABLE %%s ADD CONSTRAINT pipeline_console_bounds CHECK (%%s) NOT VALID',
                                      r.name, r.inside),
         'ACCESS EXCLUSIVE on ' || r.name, r.name, true, r.name || ' check',
         pg_catalog.format('ALTER TABLE %%s DROP CONSTRAINT pipeline_console_bounds', r.name), NULL,
         'the CHECK constraint lets ATTACH skip the validation scan', NULL, NULL, NULL
    FROM ready r WHERE r.way = 'swap' AND r.promise IS NULL
  UNION ALL
  SELECT r.oid, 21, pg_catalog.format('ALTER TABLE %%s VALIDATE CONSTRAINT pipeline_console_bounds', r.name),
         'SHARE UPDATE EXCLUSIVE on ' || r.name, r.name, false, '', NULL, r.size, 'scans the partition once', NULL,
         NULL, NULL
    FROM ready r WHERE r.way = 'swap' AND r.promise IS NOT TRUE
  UNION ALL
  SELECT r.oid, 45, r.detach, 'ACCESS EXCLUSIVE on ' || r.origin, r.origin, true, r.name || ' attach',
         pg_catalog.format('ALTER TABLE %%s ATTACH PARTITION %%s FOR VALUES %%s', r.origin, r.name, r.bounds), r.size,
         'in one short transaction: DETACH CONCURRENTLY is not possible with a default partition', NULL, NULL, NULL
    FROM ready r WHERE r.way = 'swap'
  UNION ALL
  SELECT r.oid, 46, pg_catalog.format('ALTER TABLE %%s DROP CONSTRAINT IF EXISTS %%I', r.name, f.conname),
         pg_catalog.format('ACCESS EXCLUSIVE on %%s and %%s', r.name, f.referenced), f.referenced, true,
         r.name || ' attach', NULL, NULL,
         pg_catalog.format('%%s has no such foreign key: archived rows outlive the rows they reference', r.target),
         NULL, NULL, NULL
    FROM ready r JOIN reference f ON f.oid = r.oid AND f.own
  UNION ALL
  SELECT r.oid, 30, pg_catalog.format('ALTER TABLE %%s ADD CONSTRAINT %%I %%s%%s', r.name, f.conname, f.definition,
                                      CASE WHEN f.definition NOT LIKE '%% NOT VALID' THEN ' NOT VALID' END),
         pg_catalog.format('SHARE ROW EXCLUSIVE on %%s and %%s', r.name, f.referenced), f.referenced, true,
         r.name || ' key ' || f.conname, NULL, NULL, 'foreign key of ' || r.target, NULL, NULL, NULL
    FROM ready r JOIN reference f ON f.oid = r.oid AND NOT f.own WHERE r.way <> 'swap'
  UNION ALL
  SELECT r.oid, 31, pg_catalog.format('ALTER TABLE %%s VALIDATE CONSTRAINT %%I', r.name, f.conname),
         pg_catalog.format('SHARE UPDATE EXCLUSIVE on %%s, ROW SHARE on %%s', r.name, f.referenced), f.referenced,
         false, '', NULL, r.size,
         'lets ATTACH skip the validation scan', NULL, NULL, NULL
    FROM ready r JOIN reference f ON f.oid = r.oid AND NOT f.own
   WHERE r.way <> 'swap' AND f.definition NOT LIKE '%% NOT VALID'
  UNION ALL
  SELECT r.oid, 50, pg_catalog.format('ALTER TABLE %%s ATTACH PARTITION %%s FOR VALUES %%s', r.target, r.name,
                                      r.bounds),
         pg_catalog.concat_ws('; ', pg_catalog.format('SHARE UPDATE EXCLUSIVE on %%s', r.target), 'ACCESS EXCLUSIVE on '
                              || r.name,
           (SELECT 'ACCESS EXCLUSIVE on ' || pg_catalog.string_agg(DISTINCT f.referenced, ', ')
              FROM reference f WHERE f.oid = r.oid AND NOT f.own)),
         r.target, true, r.name || ' attach',
         pg_catalog.format('ALTER TABLE %%s DETACH PARTITION %%s', r.target, r.name), r.size,
         'the same data file, now a partition of ' || r.target,
         pg_catalog.format('SELECT EXISTS (SELECT FROM pg_catalog.pg_inherits WHERE inhrelid = %%s AND inhparent = '
                           '%%s) '
           'AND pg_catalog.pg_relation_filenode(%%s) IS NOT DISTINCT FROM %%s, %%L',
           r.oid, r.target_oid, r.oid, coalesce(r.file::text, 'NULL::oid'),
           r.name || ' was rewritten, or is not attached'),
         NULL, NULL
    FROM ready r
  UNION ALL
  SELECT r.oid, 51, pg_catalog.format('COMMENT ON TABLE %%s IS %%L', r.name, r.comment),
         'SHARE UPDATE EXCLUSIVE on ' || r.name, NULL,
         true, r.name || ' attach', NULL, NULL, 'removes the progress marker', NULL, NULL, NULL
    FROM ready r WHERE r.way <> 'swap'
  UNION ALL
  SELECT r.oid, 52, pg_catalog.format('ALTER TABLE %%s DROP CONSTRAINT pipeline_console_bounds', r.name),
         'ACCESS EXCLUSIVE on ' || r.name,
         NULL, true, r.name || ' attach', NULL, NULL, 'redundant: the partition bound enforces the same condition',
         NULL, NULL, NULL
    FROM ready r WHERE r.way = 'swap'
)
SELECT s.sql, s.lock, s."on", s.transaction, s."group", s.undo, s.estimate, s.note, s.expect, s.lock_timeout, s.again
  FROM step s JOIN ready r ON r.oid = s.oid
 ORDER BY CASE r.way WHEN 'attach' THEN 1 WHEN 'finalize' THEN 2 ELSE 3 END, r.edge[2], r.name, s.ordinal, s.sql
