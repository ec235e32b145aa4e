-- The 2000 largest shards of a Citus cluster: where each is, its size, rows, dead rows and range of hash values.
-- lane: slow
-- extension: citus
WITH @measured_shards@
SELECT p.shardid, p.groupid::bigint AS "group", p.oid::bigint AS oid, p."table", p.node, p.kind, p."column",
       p.colocation, p.low, p.high, p.active, p.size, p.rows, p.dead,
       100.0::float8 * p.size / nullif(pg_catalog.sum(p.size) OVER (PARTITION BY p.oid), 0) AS share,
       pg_catalog.count(*) OVER () AS total
  FROM placed p
 WHERE p.relkind <> 'p'
 ORDER BY p.size DESC NULLS LAST, p.shardid, p.groupid
 LIMIT 2000
