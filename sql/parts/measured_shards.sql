-- What the nodes of a Citus cluster measure of their shards, as CTEs that end with `measured`.
--
-- Every node is asked once for its own shards; of one that does not answer within 3 s nothing is known. Sizes are
-- unknown while an ACCESS EXCLUSIVE lock on a shard is held or awaited.
bounded AS MATERIALIZED (
  SELECT pg_catalog.set_config('citus.node_connection_timeout', '3000', true) AS timeout
), answer AS MATERIALIZED (
  SELECT coalesce(n.groupid, 0) AS groupid, r.result::json AS shards
    FROM bounded b
   CROSS JOIN LATERAL pg_catalog.run_command_on_all_nodes($node$
         WITH locked AS MATERIALIZED (
           SELECT DISTINCT coalesce(i.indrelid, l.relation) AS oid
             FROM pg_catalog.pg_locks l LEFT JOIN pg_catalog.pg_index i ON i.indexrelid = l.relation
            WHERE l.mode = 'AccessExclusiveLock' AND l.locktype = 'relation'
         )
         SELECT coalesce(pg_catalog.json_agg(x), '[]') FROM (
           SELECT s.shardid, CASE WHEN f.free THEN pg_catalog.pg_total_relation_size(c.oid) END AS size,
                  CASE WHEN f.free THEN pg_catalog.pg_relation_size(c.oid) END AS heap,
                  CASE WHEN f.free THEN coalesce(pg_catalog.pg_relation_size(nullif(c.reltoastrelid, 0)), 0)
                       END AS toast,
                  greatest(c.reltuples, 0) AS rows, pg_catalog.pg_stat_get_live_tuples(c.oid) AS live,
                  pg_catalog.pg_stat_get_dead_tuples(c.oid) AS dead,
                  pg_catalog.pg_stat_get_mod_since_analyze(c.oid) AS modified,
                  pg_catalog.date_part('epoch', pg_catalog.now() - greatest(
                    pg_catalog.pg_stat_get_last_vacuum_time(c.oid),
                    pg_catalog.pg_stat_get_last_autovacuum_time(c.oid))) AS vacuum_age,
                  pg_catalog.date_part('epoch', pg_catalog.now() - greatest(
                    pg_catalog.pg_stat_get_last_analyze_time(c.oid),
                    pg_catalog.pg_stat_get_last_autoanalyze_time(c.oid))) AS analyze_age
             FROM pg_catalog.pg_dist_placement p
             JOIN pg_catalog.pg_dist_local_group g ON g.groupid = p.groupid
             JOIN pg_catalog.pg_dist_shard s ON s.shardid = p.shardid
             JOIN pg_catalog.pg_class l ON l.oid = s.logicalrelid
             @shard_relation@
            CROSS JOIN LATERAL (SELECT NOT EXISTS (
                    SELECT FROM locked l WHERE l.oid IN (c.oid, c.reltoastrelid)) AS free) f
            OFFSET 0) x
       $node$ || pg_catalog.left(b.timeout, 0), true, false) r
    LEFT JOIN pg_catalog.pg_dist_node n ON n.nodeid = r.nodeid
   WHERE r.success
), measured AS MATERIALIZED (
  SELECT a.groupid, x.*
    FROM answer a
   CROSS JOIN LATERAL pg_catalog.json_to_recordset(a.shards) x(
         shardid bigint, size bigint, heap bigint, toast bigint, rows float8, live bigint, dead bigint, modified bigint,
         vacuum_age float8, analyze_age float8)
), placed AS MATERIALIZED (
  SELECT s.shardid, s.logicalrelid::oid AS oid, ns.nspname || '.' || c.relname AS "table", p.groupid,
         pg_catalog.count(*) OVER (PARTITION BY s.shardid) AS copies,
         coalesce(n.nodename || ':' || n.nodeport, 'this node') AS node,
         CASE WHEN t.partmethod IN ('h', 'a', 'r') THEN 'distributed'
              WHEN t.colocationid IN (SELECT d.colocationid FROM pg_catalog.pg_dist_schema d)  -- since 12.0
              THEN 'schema'  -- since 12.0
              WHEN t.repmodel = 't' THEN 'reference' WHEN t.colocationid = 0 THEN 'local'
              ELSE 'distributed' END AS kind,
         CASE WHEN t.partkey IS NOT NULL THEN pg_catalog.column_to_column_name(t.logicalrelid, t.partkey)
              END AS "column",
         t.colocationid::bigint AS colocation, s.shardminvalue AS low, s.shardmaxvalue AS high,
         p.shardstate = 1 AS active, c.relkind::text AS relkind, m.groupid IS NOT NULL AS answered,
         m.size, m.heap, m.toast, m.rows, m.live, m.dead, m.modified, m.vacuum_age, m.analyze_age
    FROM pg_catalog.pg_dist_shard s
    JOIN pg_catalog.pg_dist_placement p ON p.shardid = s.shardid
    JOIN pg_catalog.pg_dist_partition t ON t.logicalrelid = s.logicalrelid
    JOIN pg_catalog.pg_class c ON c.oid = t.logicalrelid
    JOIN pg_catalog.pg_namespace ns ON ns.oid = c.relnamespace
    LEFT JOIN pg_catalog.pg_dist_node n ON n.groupid = p.groupid AND n.noderole = 'primary'
    LEFT JOIN measured m ON m.groupid = p.groupid AND m.shardid = s.shardid
)
