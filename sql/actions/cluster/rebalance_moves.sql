-- Shards that Citus would move to balance its nodes, one row a group of co-located shards, as its own plan lists them.
-- extension: citus
--
-- Co-located shards move together. It reads the sizes of all shards and moves nothing.
WITH @measured_shards@
, move AS MATERIALIZED (
  SELECT m.shardid, m.sourcename || ':' || m.sourceport AS source, m.targetname || ':' || m.targetport AS target
    FROM pg_catalog.get_rebalance_table_shards_plan(rebalance_strategy => nullif(%(strategy)s::text, '')::name) m
)
SELECT pg_catalog.min(m.shardid) AS shard, m.source AS "from", m.target AS "to",
       pg_catalog.sum(p.size)::bigint AS size, pg_catalog.count(*) AS shards,
       pg_catalog.string_agg(p."table", ', ' ORDER BY p.size DESC NULLS LAST, p."table") AS tables
  FROM move m
  JOIN placed p ON p.shardid = m.shardid AND p.node = m.source
 GROUP BY p.colocation, p.low, m.source, m.target
 ORDER BY 4 DESC NULLS LAST, 1
