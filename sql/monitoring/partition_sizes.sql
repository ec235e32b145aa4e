-- Exact sizes of the partitions of some parents, together, and of their heaps. Where a partition is in the hands of an
-- ACCESS EXCLUSIVE lock, or of one that waits, the parent is left out.
-- lane: slow
WITH part AS MATERIALIZED (
  SELECT h.inhparent, c.oid, c.reltoastrelid
    FROM pg_catalog.unnest(%(oid)s::bigint[]) w(oid)
    JOIN pg_catalog.pg_inherits h ON h.inhparent = w.oid::oid
    JOIN pg_catalog.pg_class c ON c.oid = h.inhrelid
), locked AS MATERIALIZED (
  SELECT DISTINCT coalesce(i.indrelid, l.relation) AS oid
    FROM pg_catalog.pg_locks l
    LEFT JOIN pg_catalog.pg_index i ON i.indexrelid = l.relation
   WHERE l.mode = 'AccessExclusiveLock' AND l.locktype = 'relation'
), busy AS MATERIALIZED (
  SELECT DISTINCT p.inhparent FROM part p JOIN locked l ON l.oid IN (p.oid, p.reltoastrelid)
)
SELECT p.inhparent::bigint AS oid, pg_catalog.sum(pg_catalog.pg_total_relation_size(p.oid))::bigint AS exact_size,
       pg_catalog.sum(pg_catalog.pg_relation_size(p.oid))::bigint AS exact_heap
  FROM (SELECT p.* FROM part p WHERE p.inhparent NOT IN (SELECT b.inhparent FROM busy b) OFFSET 0) p
 GROUP BY p.inhparent
