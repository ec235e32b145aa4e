-- Partitioned tables that were never analysed themselves although their partitions have rows.
-- Autovacuum analyses partitions, never the partitioned table.
SELECT c.oid::bigint AS oid, n.nspname || '.' || c.relname AS parent, x.rows, x.partitions
  FROM pg_catalog.pg_partitioned_table t
  JOIN pg_catalog.pg_class c ON c.oid = t.partrelid AND c.reltuples < 0
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 CROSS JOIN LATERAL (
       SELECT pg_catalog.sum(greatest(l.reltuples, pg_catalog.pg_stat_get_live_tuples(l.oid), 0))::float8 AS rows,
              pg_catalog.count(*) AS partitions
         FROM pg_catalog.pg_inherits h JOIN pg_catalog.pg_class l ON l.oid = h.inhrelid
        WHERE h.inhparent = c.oid) x
 WHERE x.rows > 0
   AND NOT EXISTS (SELECT FROM pg_catalog.pg_inherits u WHERE u.inhrelid = c.oid)
 ORDER BY x.rows DESC, 2
 LIMIT 100
