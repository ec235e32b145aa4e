-- The key of a partitioned table as it was declared, its indexes, its partitions.
-- lane: slow
WITH it AS (
  SELECT t.partrelid AS oid, NOT EXISTS (
           SELECT FROM pg_catalog.pg_locks l WHERE l.mode = 'AccessExclusiveLock' AND l.relation = t.partrelid) AS free
    FROM pg_catalog.pg_partitioned_table t WHERE t.partrelid = %(oid)s::bigint::oid
)
SELECT 'key' AS item, CASE WHEN it.free THEN pg_catalog.pg_get_partkeydef(it.oid)
                           ELSE 'not read: an ACCESS EXCLUSIVE lock is held or wanted' END AS value
  FROM it
UNION ALL
SELECT 'index', CASE WHEN it.free THEN pg_catalog.pg_get_indexdef(i.indexrelid) ELSE c.relname END
       || CASE WHEN i.indisvalid THEN '' ELSE ' (invalid: not on every partition)' END
  FROM it JOIN pg_catalog.pg_index i ON i.indrelid = it.oid JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
UNION ALL
SELECT 'partition', b.name || ' ' || b.bound
  FROM it CROSS JOIN LATERAL (
       SELECT c.relname::text AS name, pg_catalog.pg_get_expr(c.relpartbound, 0) AS bound
         FROM pg_catalog.pg_inherits h JOIN pg_catalog.pg_class c ON c.oid = h.inhrelid
        WHERE h.inhparent = it.oid ORDER BY 2 DESC LIMIT 200) b
