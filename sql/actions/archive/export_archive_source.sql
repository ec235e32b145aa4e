-- Where the rows of a month are in an archive: its partition for that month, else all rows of that range.
-- lane: slow
--
-- `way` is how the partition can be dropped: detach, finalize (a detach was interrupted), detached (by an interrupted
-- run; it has a progress marker in front of its comment), whole (DETACH CONCURRENTLY is not possible with a default
-- partition), null (not at all). The TimeZone of the reading session is UTC.
WITH archive AS MATERIALIZED (
  SELECT c.oid, c.relkind, c.relowner, a.attname AS key, a.atttypid AS key_type,
         -- nothing confines DETACH CONCURRENTLY to the owner, who is not who connected
         coalesce(t.partdefid, 0) <> 0 OR CURRENT_USER <> SESSION_USER AS locked,
         t.partstrat = 'r' AND t.partnatts = 1 AND t.partattrs[0] = a.attnum AS by_key,
         pg_catalog.format('%%I.%%I', n.nspname, c.relname) AS name
    FROM pg_catalog.pg_class c
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    LEFT JOIN pg_catalog.pg_partitioned_table t ON t.partrelid = c.oid
    LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attname = %(key)s AND NOT a.attisdropped
     AND a.atttypid IN ('date'::pg_catalog.regtype, 'timestamptz'::pg_catalog.regtype, 'timestamp'::pg_catalog.regtype)
   WHERE c.oid = %(archive)s::bigint::oid
), part AS MATERIALIZED (
  SELECT h.inhrelid AS oid, CASE WHEN h.inhdetachpending THEN 'finalize' WHEN a.locked THEN 'whole' ELSE 'detach'
         END AS way,
         pg_catalog.regexp_match(pg_catalog.pg_get_expr(c.relpartbound, 0),
           '^FOR VALUES FROM \((''[^'']*'')\) TO \((''[^'']*'')\)$') AS edge
    FROM archive a
    JOIN pg_catalog.pg_inherits h ON h.inhparent = a.oid AND a.by_key
    JOIN pg_catalog.pg_class c ON c.oid = h.inhrelid
  UNION ALL
  SELECT c.oid, 'detached', pg_catalog.regexp_match(pg_catalog.substr(d.description, pg_catalog.length(m.mark) + 1),
           '^FROM \((''[^'']*'')\) TO \((''[^'']*'')\)(?:\n|$)')
    FROM archive a
   CROSS JOIN LATERAL (SELECT pg_catalog.format('pipeline-console: to be dropped from %%s, ', a.name) AS mark) m
    JOIN pg_catalog.pg_description d ON pg_catalog.starts_with(d.description, m.mark) AND d.objsubid = 0
     AND d.classoid = 'pg_catalog.pg_class'::pg_catalog.regclass
    JOIN pg_catalog.pg_class c ON c.oid = d.objoid AND NOT c.relispartition AND c.relkind = 'r'
     AND c.relowner = a.relowner
), month AS MATERIALIZED (  -- the partition that covers exactly the month
  SELECT p.oid, p.way, c.relkind, c.relowner, pg_catalog.format('FROM (%%s) TO (%%s)', p.edge[1], p.edge[2]) AS bounds,
         pg_catalog.format('%%I.%%I', n.nspname, c.relname) AS name
    FROM part p
    JOIN pg_catalog.pg_class c ON c.oid = p.oid AND c.relkind = 'r'
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
   WHERE CASE WHEN p.edge IS NOT NULL
              THEN pg_catalog.btrim(p.edge[1], '''')::timestamptz = %(lower)s::timestamptz
               AND pg_catalog.btrim(p.edge[2], '''')::timestamptz = %(upper)s::timestamptz END
), source AS MATERIALIZED (
  SELECT m.oid, m.way, m.name, m.relowner, m.bounds, 'ONLY ' || m.name AS origin, NULL AS inside FROM month m
  UNION ALL
  SELECT a.oid, NULL, a.name, a.relowner, NULL, a.name,
         pg_catalog.format('%%I >= %%L AND %%I < %%L', a.key, %(lower)s::text, a.key, %(upper)s::text)
    FROM archive a WHERE NOT EXISTS (SELECT FROM month)
), refusal AS (
  SELECT 1 AS rank, pg_catalog.format('%%s is not a table.', a.name) AS refused,
         NULL AS remedy FROM archive a WHERE a.relkind NOT IN ('r', 'p')
  UNION ALL
  SELECT 1, pg_catalog.format('%%s has no column %%I of type date, timestamptz or timestamp.', a.name, %(key)s),
         'Correct the archive policy.'
    FROM archive a WHERE a.key_type IS NULL
  UNION ALL
  SELECT 2, pg_catalog.format('%%s was detached for dropping, and another partition has replaced it.', m.name),
         'Drop or rename one of them.'
    FROM month m WHERE m.way = 'detached' AND (SELECT pg_catalog.count(*) FROM month) > 1
  UNION ALL
  SELECT 3, pg_catalog.format('Row-level security hides rows of %%s from this role.', s.name),
         'Connect as a role with BYPASSRLS, or as the owner.'
    FROM source s WHERE pg_catalog.row_security_active(s.oid)
  UNION ALL
  SELECT 4, 'This server is a standby, which is read-only: nothing can be dropped.',
         'Connect to the primary, or export without drop.'
   WHERE %(drop)s::bool AND pg_catalog.pg_is_in_recovery()
  UNION ALL
  SELECT 5, pg_catalog.format('Only the owner of %%s may drop it.', s.name),
         pg_catalog.format('Connect as %%s.', pg_catalog.pg_get_userbyid(s.relowner))
    FROM source s WHERE %(drop)s::bool AND s.way IS NOT NULL AND NOT pg_catalog.pg_has_role(s.relowner, 'USAGE')
  UNION ALL
  SELECT 6, pg_catalog.format('%%s is used by %%s, so it cannot be dropped.', m.name, r.ev_class::pg_catalog.regclass),
         'Drop the dependent object first.'
    FROM month m
    JOIN pg_catalog.pg_depend d ON d.refobjid = m.oid AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
     AND d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass
    JOIN pg_catalog.pg_rewrite r ON r.oid = d.objid AND r.ev_class <> m.oid
   WHERE %(drop)s::bool
), found AS MATERIALIZED (  -- ts_stat runs a query given as text
  SELECT s.*, EXISTS (SELECT FROM pg_catalog.ts_stat(pg_catalog.format(
           'SELECT pg_catalog.array_to_tsvector(ARRAY[''row''::text]) FROM %%s WHERE %%s LIMIT 1', s.origin,
           coalesce(s.inside, 'true')))) AS filled
    FROM source s WHERE NOT EXISTS (SELECT FROM refusal)
), none AS (
  SELECT 7 AS rank, pg_catalog.format('%%s has no rows of %%s.', a.name, %(month)s::text) AS refused,
         coalesce('Months with rows: ' || (
           SELECT pg_catalog.string_agg(t.word, ', ' ORDER BY t.word) FROM pg_catalog.ts_stat(pg_catalog.format(
             'SELECT pg_catalog.array_to_tsvector(coalesce(pg_catalog.array_agg(DISTINCT '
             'pg_catalog.to_char(%%I::timestamp, ''YYYY-MM''))'
             ' FILTER (WHERE pg_catalog.isfinite(%%I)), ''{}'')) FROM %%s', a.key, a.key, a.name)) t) || '.',
             'It is empty.') AS remedy
    FROM archive a JOIN found f ON NOT f.filled
  UNION ALL
  SELECT 8, pg_catalog.format('%%s is not a separate partition of %%s, so it cannot be dropped.', %(month)s::text,
                              a.name), 'Export without drop.'
    FROM archive a JOIN found f ON f.filled AND f.way IS NULL WHERE %(drop)s::bool
)
SELECT r.refused, r.remedy, NULL AS oid, NULL AS name, NULL AS archive, NULL AS way, NULL AS bounds, NULL AS origin,
       NULL AS inside, r.rank = 7 AS empty
  FROM (SELECT * FROM refusal UNION ALL SELECT * FROM none ORDER BY rank LIMIT 1) r
UNION ALL
SELECT NULL, NULL, f.oid::bigint, f.name, a.name, f.way, f.bounds, f.origin, f.inside, false
  FROM found f CROSS JOIN archive a WHERE NOT EXISTS (SELECT FROM none)
