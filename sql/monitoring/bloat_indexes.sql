-- The 500 largest btree indexes by the size that VACUUM and ANALYZE last saw.
-- pg_class is scanned once for the narrow ranking; OFFSET 0 makes the planner fetch the chosen rows by index.
WITH ranked AS MATERIALIZED (
  SELECT c.oid
    FROM pg_catalog.pg_class c
   WHERE c.relkind = 'i' AND c.relam = 403  -- btree
   ORDER BY c.relpages DESC, c.oid
   LIMIT 500
)
SELECT c.oid::bigint AS oid, n.nspname || '.' || c.relname AS "index", c."table",
       c.relpages * pg_catalog.current_setting('block_size')::bigint AS estimated_size,
       c.relpages, c.reltuples::float8 AS reltuples,
       pg_catalog.array_to_string(c.reloptions, ', ') AS options,
       (SELECT pg_catalog.count(*) FROM pg_catalog.pg_index) AS total
  FROM ranked k
 CROSS JOIN LATERAL (
       SELECT r.oid, r.relname, r.relnamespace, r.relpages, r.reltuples, r.reloptions, t.relname::text AS "table"
         FROM pg_catalog.pg_class r
         JOIN pg_catalog.pg_index i ON i.indexrelid = r.oid
         JOIN pg_catalog.pg_class t ON t.oid = i.indrelid
        WHERE r.oid = k.oid OFFSET 0) c
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
