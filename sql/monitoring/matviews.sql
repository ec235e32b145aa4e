-- Materialized views: size and rows as of the last VACUUM or ANALYZE, populated or not, obstacles to a refresh.
-- `logged_schema` and `logged_view` are set where a record of refreshes can be read, which the console's own schema
-- keeps.
WITH RECURSIVE record AS MATERIALIZED (
  SELECT EXISTS (
         SELECT FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
          WHERE n.nspname = 'public' AND c.relname = 'console_refreshes' AND c.relkind IN ('r', 'p')
            AND pg_catalog.has_schema_privilege(n.oid, 'USAGE')
            AND pg_catalog.has_table_privilege(c.oid, 'SELECT')) AS kept
), matview AS MATERIALIZED (
  SELECT c.* FROM pg_catalog.pg_class c WHERE c.relkind = 'm' ORDER BY c.relpages DESC, c.oid LIMIT 500
), reads AS (
  SELECT DISTINCT m.oid AS root, d.refobjid AS oid
    FROM matview m
    JOIN pg_catalog.pg_rewrite r ON r.ev_class = m.oid
    JOIN pg_catalog.pg_depend d ON d.classid = 2618 AND d.objid = r.oid AND d.refclassid = 1259 AND d.refobjid <> m.oid
  UNION
  SELECT s.root, d.refobjid
    FROM reads s
    JOIN pg_catalog.pg_class v ON v.oid = s.oid AND v.relkind = 'v'
    JOIN pg_catalog.pg_rewrite r ON r.ev_class = v.oid
    JOIN pg_catalog.pg_depend d ON d.classid = 2618 AND d.objid = r.oid AND d.refclassid = 1259 AND d.refobjid <> v.oid
)
SELECT m.oid::bigint AS oid, n.nspname || '.' || m.relname AS view,
       greatest(m.relpages, 0) * pg_catalog.current_setting('block_size')::bigint AS estimated_size,
       nullif(m.reltuples, -1)::float8 AS rows, m.relispopulated AS populated,
       EXISTS (SELECT FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid
                WHERE i.indrelid = m.oid AND i.indisunique AND i.indimmediate AND i.indisvalid AND x.relam = 403
                  AND i.indpred IS NULL AND i.indexprs IS NULL) AS has_key,
       EXISTS (SELECT FROM pg_catalog.pg_index i WHERE i.indrelid = m.oid AND i.indisunique) AS has_unique,
       pg_catalog.pg_has_role(m.relowner, 'USAGE') AS may_refresh,  -- before 17
       pg_catalog.has_table_privilege(m.oid, 'MAINTAIN') AS may_refresh,  -- since 17
       pg_catalog.pg_get_userbyid(m.relowner)::text AS owner, pg_catalog.pg_is_in_recovery() AS standby,
       EXISTS (SELECT FROM pg_catalog.pg_locks l
                WHERE l.relation = m.oid AND l.granted AND l.mode IN ('ExclusiveLock', 'AccessExclusiveLock')) AS busy,
       coalesce((SELECT pg_catalog.array_agg(s.oid::bigint ORDER BY s.oid) FROM reads s JOIN matview o ON o.oid = s.oid
                  WHERE s.root = m.oid), '{}') AS reads_oids,
       CASE WHEN c.kept THEN n.nspname::text END AS logged_schema,
       CASE WHEN c.kept THEN m.relname::text END AS logged_view
  FROM matview m
 CROSS JOIN record c
  JOIN pg_catalog.pg_namespace n ON n.oid = m.relnamespace
 ORDER BY m.relpages DESC, m.oid
