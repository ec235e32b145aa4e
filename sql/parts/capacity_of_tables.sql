WITH RECURSIVE child AS (  -- of which table each partition is in the end
  SELECT t.partrelid AS root, h.inhrelid AS oid
    FROM pg_catalog.pg_partitioned_table t
    JOIN pg_catalog.pg_class c ON c.oid = t.partrelid AND NOT c.relispartition
    JOIN pg_catalog.pg_inherits h ON h.inhparent = t.partrelid
   UNION ALL
  SELECT p.root, h.inhrelid FROM child p JOIN pg_catalog.pg_inherits h ON h.inhparent = p.oid
), part AS MATERIALIZED (
  SELECT coalesce(p.root, c.oid) AS root, c.oid, c.relkind, c.relpages, c.reltuples,
         c.reltoastrelid, p.root IS NOT NULL AS partition
    FROM pg_catalog.pg_class c
    LEFT JOIN child p ON p.oid = c.oid
   WHERE c.relkind IN ('r', 'p', 'm') AND c.relpersistence <> 't'
     AND c.relnamespace <> ALL (ARRAY(SELECT n.oid FROM pg_catalog.pg_namespace n
                                       WHERE n.nspname IN ('pg_catalog', 'information_schema', 'pg_toast')))
), locked AS MATERIALIZED (
  SELECT DISTINCT coalesce(i.indrelid, l.relation) AS oid
    FROM pg_catalog.pg_locks l
    LEFT JOIN pg_catalog.pg_index i ON i.indexrelid = l.relation
   WHERE l.mode = 'AccessExclusiveLock' AND l.locktype = 'relation'
), ranked AS MATERIALIZED (
  SELECT p.root, pg_catalog.count(*) OVER () AS total
    FROM part p
   GROUP BY p.root
  HAVING NOT pg_catalog.bool_or(p.oid IN (SELECT l.oid FROM locked l)
                                OR p.reltoastrelid IN (SELECT l.oid FROM locked l))
   ORDER BY pg_catalog.sum(greatest(p.relpages, pg_catalog.pg_stat_get_live_tuples(p.oid) / 50)) DESC, p.root
   LIMIT 200
), measured AS (
  SELECT k.root, k.total, pg_catalog.count(*) FILTER (WHERE p.partition) AS partitions,
         pg_catalog.sum(pg_catalog.pg_relation_size(p.oid))::bigint AS heap,
         pg_catalog.sum(pg_catalog.pg_indexes_size(p.oid))::bigint AS indexes,
         pg_catalog.sum(pg_catalog.pg_table_size(p.oid) - pg_catalog.pg_relation_size(p.oid))::bigint AS toast,
         pg_catalog.sum(p.reltuples) FILTER (WHERE p.relkind <> 'p' AND p.reltuples >= 0)::float8 AS rows
    FROM ranked k
    JOIN part p ON p.root = k.root
   GROUP BY k.root, k.total
)
SELECT c.oid::bigint AS oid, n.nspname || '.' || c.relname AS "table", m.heap + m.indexes + m.toast AS size,
       m.heap, m.indexes, m.toast, m.rows, m.partitions, m.total
  FROM measured m
  JOIN pg_catalog.pg_class c ON c.oid = m.root
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 ORDER BY 3 DESC, 2
