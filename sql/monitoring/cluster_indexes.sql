-- What some indexes of a Citus cluster hold in all shards, and how often those were scanned; no row for other indexes.
-- lane: slow
-- extension: citus
--
-- Every node is asked once for the indexes of its own shards. `cluster_unread` shards are not in the sums.
WITH bounded AS MATERIALIZED (
  SELECT pg_catalog.set_config('citus.node_connection_timeout', '3000', true) AS timeout
), answer AS MATERIALIZED (
  SELECT r.result::json AS indexes
    FROM bounded b
   CROSS JOIN LATERAL pg_catalog.run_command_on_all_nodes($node$
         WITH locked AS MATERIALIZED (
           SELECT DISTINCT l.relation FROM pg_catalog.pg_locks l
            WHERE l.mode = 'AccessExclusiveLock' AND l.locktype = 'relation'
         )
         SELECT coalesce(pg_catalog.json_agg(x), '[]') FROM (
           SELECT ns.nspname AS schema, l.relname AS name, pg_catalog.count(c.oid) AS read,
                  pg_catalog.sum(CASE WHEN c.oid NOT IN (SELECT k.relation FROM locked k)
                                      THEN pg_catalog.pg_relation_size(c.oid) END) AS size,
                  pg_catalog.sum(pg_catalog.pg_stat_get_numscans(c.oid)) AS scans,
                  pg_catalog.sum(pg_catalog.pg_stat_get_tuples_returned(c.oid)) AS rows_read,
                  pg_catalog.sum(greatest(c.reltuples, 0)) AS tuples,
                  (SELECT pg_catalog.date_part('epoch', pg_catalog.now() - coalesce(
                            pg_catalog.pg_stat_get_db_stat_reset_time(d.oid),
                            pg_catalog.pg_stat_get_bgwriter_stat_reset_time()))
                     FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database()) AS counted
             FROM pg_catalog.pg_dist_placement p
             JOIN pg_catalog.pg_dist_local_group g ON g.groupid = p.groupid
             JOIN pg_catalog.pg_dist_shard s ON s.shardid = p.shardid
             JOIN pg_catalog.pg_index i ON i.indrelid = s.logicalrelid
             JOIN pg_catalog.pg_class l ON l.oid = i.indexrelid
             JOIN pg_catalog.pg_namespace ns ON ns.oid = l.relnamespace
             @shard_relation@
            GROUP BY 1, 2) x
       $node$ || pg_catalog.left(b.timeout, 0), true, false) r
   WHERE r.success
), summed AS MATERIALIZED (
  SELECT x.schema, x.name, pg_catalog.sum(x.read)::bigint AS read, pg_catalog.sum(x.size)::bigint AS size,
         pg_catalog.sum(x.scans)::bigint AS scans, pg_catalog.sum(x.rows_read)::bigint AS rows_read,
         pg_catalog.sum(x.tuples)::float8 AS tuples, pg_catalog.min(x.counted) AS counted
    FROM answer a
   CROSS JOIN LATERAL pg_catalog.json_to_recordset(a.indexes)
              x(schema text, name text, read bigint, size bigint, scans bigint, rows_read bigint, tuples float8,
                counted float8)
   GROUP BY 1, 2
)
SELECT w.oid, CASE WHEN t.partmethod IN ('h', 'a', 'r') THEN 'distributed' WHEN t.repmodel = 't' THEN 'reference'
                   ELSE 'local' END AS cluster_kind,
       (SELECT pg_catalog.count(*) FROM pg_catalog.pg_dist_placement p
         JOIN pg_catalog.pg_dist_shard s ON s.shardid = p.shardid
         WHERE s.logicalrelid = i.indrelid) - coalesce(m.read, 0) AS cluster_unread,
       coalesce(m.size, 0) AS cluster_size, coalesce(m.scans, 0) AS cluster_scans,
       coalesce(m.rows_read, 0) AS cluster_rows_read, m.tuples AS cluster_tuples, m.counted AS cluster_counted_for
  FROM pg_catalog.unnest(%(oid)s::bigint[]) w(oid)
  JOIN pg_catalog.pg_index i ON i.indexrelid = w.oid::oid
  JOIN pg_catalog.pg_dist_partition t ON t.logicalrelid = i.indrelid
  JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  LEFT JOIN summed m ON m.schema = n.nspname AND m.name = c.relname
