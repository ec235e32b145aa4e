-- The 100 largest tenants of a Citus cluster: their rows in all shards, and the node that holds them.
-- lane: slow
-- extension: citus
--
-- A tenant is a value of the distribution column. Rows come from the statistics of the shards, so no table is read:
-- only most common values are there, and a role sees them only of tables that it may read.
WITH bounded AS MATERIALIZED (
  SELECT pg_catalog.set_config('citus.node_connection_timeout', '3000', true) AS timeout
), answer AS MATERIALIZED (
  SELECT coalesce(n.groupid, 0) AS groupid, r.result::json AS tenants
    FROM bounded b
   CROSS JOIN LATERAL pg_catalog.run_command_on_all_nodes($node$
         SELECT coalesce(pg_catalog.json_agg(x), '[]') FROM (
           SELECT ns.nspname || '.' || l.relname AS "table", d.colocationid AS colocation, s.shardid,
                  greatest(c.reltuples, 0) AS rows, v.most_common_vals::text::text[] AS tenants,
                  v.most_common_freqs AS shares
             FROM pg_catalog.pg_dist_placement p
             JOIN pg_catalog.pg_dist_local_group g ON g.groupid = p.groupid
             JOIN pg_catalog.pg_dist_shard s ON s.shardid = p.shardid
             JOIN pg_catalog.pg_dist_partition d ON d.logicalrelid = s.logicalrelid AND d.partmethod = 'h'
             JOIN pg_catalog.pg_class l ON l.oid = d.logicalrelid
             JOIN pg_catalog.pg_namespace ns ON ns.oid = l.relnamespace
             @shard_relation@ AND c.relkind = 'r'
             LEFT JOIN pg_catalog.pg_stats v ON v.schemaname = ns.nspname AND v.tablename = c.relname
              AND v.attname = pg_catalog.column_to_column_name(d.logicalrelid, d.partkey) AND NOT v.inherited
            OFFSET 0) x
       $node$ || pg_catalog.left(b.timeout, 0), true, false) r
    LEFT JOIN pg_catalog.pg_dist_node n ON n.nodeid = r.nodeid
   WHERE r.success
), shard AS MATERIALIZED (
  SELECT a.groupid, x.*
    FROM answer a
   CROSS JOIN LATERAL pg_catalog.json_to_recordset(a.tenants)
              x("table" text, colocation bigint, shardid bigint, rows float8, tenants text[], shares float8[])
), held AS (
  SELECT s.colocation, t.tenant, s.groupid, s."table", t.share * s.rows AS rows
    FROM shard s
   CROSS JOIN LATERAL ROWS FROM (pg_catalog.unnest(s.tenants), pg_catalog.unnest(s.shares)) t(tenant, share)
), summed AS (
  SELECT h.colocation, h.tenant, h.groupid, pg_catalog.sum(h.rows) AS rows,
         pg_catalog.count(DISTINCT h."table") AS tables,
         (pg_catalog.array_agg(h."table" ORDER BY h.rows DESC, h."table"))[1] AS mostly
    FROM held h
   GROUP BY h.colocation, h.tenant, h.groupid
), whole AS (
  SELECT s.colocation, pg_catalog.sum(s.rows) AS rows FROM shard s GROUP BY s.colocation
)
SELECT h.colocation, h.tenant, coalesce(n.nodename || ':' || n.nodeport, 'this node') AS node, h.rows::float8 AS rows,
       100.0::float8 * h.rows / nullif(w.rows, 0) AS share, h.tables, h.mostly
  FROM summed h
  JOIN whole w ON w.colocation = h.colocation
  LEFT JOIN pg_catalog.pg_dist_node n ON n.groupid = h.groupid AND n.noderole = 'primary'
 ORDER BY h.rows DESC, h.tenant
 LIMIT 100
