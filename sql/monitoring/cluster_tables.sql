-- Tables of a Citus cluster summed over their shards, and how unevenly each is spread over shards and nodes.
-- lane: slow
-- extension: citus
WITH @measured_shards@
, by_node AS MATERIALIZED (
  SELECT p.oid, p.groupid, pg_catalog.sum(p.size) AS size FROM placed p GROUP BY p.oid, p.groupid
), holding AS MATERIALIZED (
  SELECT greatest(pg_catalog.count(*), 1) AS nodes FROM pg_catalog.pg_dist_node n
   WHERE n.shouldhaveshards AND n.isactive AND n.noderole = 'primary'
)
SELECT p.oid::bigint AS oid, p."table", pg_catalog.min(p.kind) AS kind, pg_catalog.min(p."column") AS "column",
       pg_catalog.min(p.colocation) AS colocation, pg_catalog.count(DISTINCT p.shardid) AS shards,
       pg_catalog.count(*) FILTER (WHERE p.size IS NULL) AS unread,
       pg_catalog.sum(p.size)::bigint AS size, pg_catalog.sum(p.rows / p.copies)::float8 AS rows,
       pg_catalog.sum(p.dead)::bigint AS dead,
       100.0::float8 * pg_catalog.max(p.size) / nullif(pg_catalog.avg(p.size), 0) AS shard_skew,
       (SELECT 100.0::float8 * pg_catalog.max(b.size) * h.nodes / nullif(pg_catalog.sum(b.size), 0)
          FROM by_node b, holding h
         WHERE b.oid = p.oid AND pg_catalog.min(p.kind) = 'distributed' GROUP BY h.nodes) AS node_skew,
       (pg_catalog.array_agg(p.shardid ORDER BY p.size DESC NULLS LAST))[1] AS largest_shard,
       pg_catalog.max(p.size) AS largest
  FROM placed p
 WHERE p.relkind <> 'p'
 GROUP BY p.oid, p."table"
 ORDER BY 8 DESC NULLS LAST, 2
 LIMIT 500
