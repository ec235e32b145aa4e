-- The 200 largest tables, each with all its partitions, and tables of Citus summed over their shards: sizes and rows.
-- lane: slow
-- extension: citus
-- otherwise: capacity_of_server
--
-- A table is left out while an ACCESS EXCLUSIVE lock is held or awaited on it, on one of its indexes or on a partition;
-- so is a table of Citus of which a shard cannot be read, because its size is unknown then.
WITH RECURSIVE @measured_shards@
, below AS (
  SELECT d.logicalrelid::oid AS root, d.logicalrelid::oid AS oid
    FROM pg_catalog.pg_dist_partition d
    JOIN pg_catalog.pg_class c ON c.oid = d.logicalrelid AND NOT c.relispartition
   UNION ALL
  SELECT b.root, i.inhrelid FROM below b JOIN pg_catalog.pg_inherits i ON i.inhparent = b.oid
), spread AS MATERIALIZED (
  SELECT b.root AS oid, pg_catalog.sum(p.size)::bigint AS size, pg_catalog.sum(p.heap)::bigint AS heap,
         pg_catalog.sum(p.toast)::bigint AS toast,
         pg_catalog.sum(p.rows / p.copies) FILTER (WHERE p.relkind <> 'p')::float8 AS rows,
         pg_catalog.count(DISTINCT b.oid) FILTER (WHERE b.oid <> b.root) AS partitions,
         pg_catalog.count(*) FILTER (WHERE p.size IS NULL) AS unread
    FROM below b
    JOIN placed p ON p.oid = b.oid
   GROUP BY b.root
), here AS MATERIALIZED (
  SELECT x.* FROM (
@capacity_of_tables@
  ) x
)
SELECT h.oid, h."table", h.size, h.heap, h.indexes, h.toast, h.rows, h.partitions, h.total
  FROM here h
 WHERE h.oid::oid NOT IN (SELECT d.logicalrelid FROM pg_catalog.pg_dist_partition d)
 UNION ALL
SELECT s.oid::bigint, n.nspname || '.' || c.relname, s.size, s.heap, s.size - s.heap - s.toast, s.toast, s.rows,
       s.partitions, (SELECT pg_catalog.max(h.total) FROM here h)
  FROM spread s
  JOIN pg_catalog.pg_class c ON c.oid = s.oid
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE s.unread = 0
 ORDER BY 3 DESC, 2
