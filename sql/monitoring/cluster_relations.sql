-- What some tables of a Citus cluster hold in all their shards, partitions included; no row for other tables.
-- lane: slow
-- extension: citus
--
-- A reference table counts with all its copies, its rows once. `unread` shards are not in the sums.
WITH RECURSIVE @measured_shards@
, below AS (
  SELECT w.oid::oid AS root, w.oid::oid AS oid FROM pg_catalog.unnest(%(oid)s::bigint[]) w(oid)
   UNION ALL
  SELECT b.root, i.inhrelid FROM below b JOIN pg_catalog.pg_inherits i ON i.inhparent = b.oid
)
SELECT b.root::bigint AS oid, pg_catalog.min(p.kind) AS cluster_kind,
       pg_catalog.count(*) FILTER (WHERE p.size IS NULL) AS cluster_unread,
       coalesce(pg_catalog.sum(p.heap), 0)::bigint AS cluster_heap,
       coalesce(pg_catalog.sum(p.toast), 0)::bigint AS cluster_toast,
       coalesce(pg_catalog.sum(p.size), 0)::bigint AS cluster_size,
       coalesce(pg_catalog.sum(p.rows / p.copies) FILTER (WHERE p.relkind <> 'p'), 0)::float8 AS cluster_rows,
       coalesce(pg_catalog.sum(p.live), 0)::bigint AS cluster_live,
       coalesce(pg_catalog.sum(p.dead), 0)::bigint AS cluster_dead,
       pg_catalog.sum(p.modified)::bigint AS cluster_modified,
       -- the shard for which it is longest ago; null if one never was
       CASE WHEN pg_catalog.count(*) = pg_catalog.count(p.vacuum_age) THEN pg_catalog.max(p.vacuum_age)
            END AS cluster_vacuum_age,
       CASE WHEN pg_catalog.count(*) = pg_catalog.count(p.analyze_age) THEN pg_catalog.max(p.analyze_age)
            END AS cluster_analyze_age
  FROM below b
  JOIN placed p ON p.oid = b.oid AND (p.relkind <> 'p' OR b.oid = b.root)
 GROUP BY b.root
