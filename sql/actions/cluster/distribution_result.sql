-- How many shards a table of a Citus cluster has, on how many nodes they are, and the query that counts its rows.
-- extension: citus
SELECT pg_catalog.count(DISTINCT s.shardid) AS shards, pg_catalog.count(DISTINCT p.groupid) AS nodes,
       pg_catalog.format('SELECT pg_catalog.count(*) FROM %%I.%%I', n.nspname, c.relname) AS count
  FROM pg_catalog.pg_class c
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  LEFT JOIN pg_catalog.pg_dist_shard s ON s.logicalrelid = c.oid
  LEFT JOIN pg_catalog.pg_dist_placement p ON p.shardid = s.shardid
 WHERE c.oid = pg_catalog.to_regclass(%(name)s::text)  -- Citus may have recreated it with another oid
 GROUP BY n.nspname, c.relname
