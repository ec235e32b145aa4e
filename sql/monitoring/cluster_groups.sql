-- Co-location groups of a Citus cluster: tables whose shards lie together, so that joins stay on a node.
-- lane: slow
-- extension: citus
WITH @measured_shards@
, by_node AS MATERIALIZED (
  SELECT p.colocation, p.node, pg_catalog.sum(p.size) AS size FROM placed p GROUP BY p.colocation, p.node
), holding AS MATERIALIZED (
  SELECT greatest(pg_catalog.count(*), 1) AS nodes FROM pg_catalog.pg_dist_node n
   WHERE n.shouldhaveshards AND n.isactive AND n.noderole = 'primary'
), apart AS MATERIALIZED (  -- ranges of hash values whose shards of one group are not on the same nodes
  SELECT x.colocation, pg_catalog.count(*) AS ranges
    FROM (SELECT y.colocation, y.low
            FROM (SELECT p.colocation, p.oid, p.low, pg_catalog.array_agg(p.groupid ORDER BY p.groupid) AS nodes
                    FROM placed p WHERE p.kind = 'distributed' GROUP BY 1, 2, 3) y
           GROUP BY 1, 2 HAVING pg_catalog.count(DISTINCT y.nodes) > 1) x
   GROUP BY 1
)
SELECT p.colocation, pg_catalog.min(p.kind) AS kind, pg_catalog.string_agg(DISTINCT p."column", ', ') AS "column",
       pg_catalog.count(DISTINCT p.oid) AS tables,
       pg_catalog.count(DISTINCT p.shardid) / pg_catalog.count(DISTINCT p.oid) AS shards,
       pg_catalog.sum(p.size)::bigint AS size,
       (SELECT pg_catalog.string_agg(b.node || ' ' || pg_catalog.pg_size_pretty(b.size), ', ' ORDER BY b.size DESC)
          FROM by_node b WHERE b.colocation = p.colocation) AS nodes,
       (SELECT 100.0::float8 * pg_catalog.max(b.size) * h.nodes / nullif(pg_catalog.sum(b.size), 0)
          FROM by_node b, holding h
         WHERE b.colocation = p.colocation AND pg_catalog.min(p.kind) = 'distributed' GROUP BY h.nodes) AS node_skew,
       coalesce(pg_catalog.max(a.ranges), 0) AS apart,
       pg_catalog.string_agg(DISTINCT pg_catalog.regexp_replace(p."table", '^public\.', ''), ', ') AS members
  FROM placed p
  LEFT JOIN apart a ON a.colocation = p.colocation
 GROUP BY p.colocation
 ORDER BY 6 DESC NULLS LAST, 1
 LIMIT 200
