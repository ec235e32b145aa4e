-- The definition of a materialized view and its indexes, unless an exclusive lock on it is held or awaited.
-- lane: slow
WITH it AS (
  SELECT c.oid, c.relowner, NOT EXISTS (
           SELECT FROM pg_catalog.pg_locks l WHERE l.mode = 'AccessExclusiveLock' AND l.locktype = 'relation') AS free
    FROM pg_catalog.pg_class c WHERE c.oid = %(oid)s::bigint::oid AND c.relkind = 'm'
)
SELECT 'definition' AS item, CASE WHEN it.free THEN pg_catalog.pg_get_viewdef(it.oid, true)
                                  ELSE 'not read: an ACCESS EXCLUSIVE lock is held or wanted' END AS value
  FROM it
UNION ALL
SELECT 'index', CASE WHEN it.free THEN pg_catalog.pg_get_indexdef(i.indexrelid) ELSE c.relname END
       || CASE WHEN i.indisvalid THEN '' ELSE ' (invalid)' END
  FROM it JOIN pg_catalog.pg_index i ON i.indrelid = it.oid JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
