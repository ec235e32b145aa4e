-- Space that a rewrite would give back in all shards of some tables and indexes of a Citus cluster; no row for others.
-- lane: slow
-- extension: citus
--
-- Every node estimates its own shards, from their statistics. Of a reference table all copies count. Where a shard
-- cannot be estimated the sum is unknown, and the reason says why; an empty one has no bloat, analysed or not. Of more
-- than 4096 shards no more are asked for.
WITH bounded AS MATERIALIZED (
  SELECT pg_catalog.set_config('citus.node_connection_timeout', '3000', true) AS timeout
), known AS MATERIALIZED (
  SELECT w.oid, pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.relname) AS name,
         (SELECT pg_catalog.count(*) FROM pg_catalog.pg_dist_placement p
           JOIN pg_catalog.pg_dist_shard s ON s.shardid = p.shardid
           WHERE s.logicalrelid = t.logicalrelid) AS placements
    FROM pg_catalog.unnest(%(oid)s::bigint[]) w(oid)
    JOIN pg_catalog.pg_class c ON c.oid = w.oid::oid AND c.relkind IN ('r', 'm', 'i')
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    LEFT JOIN pg_catalog.pg_index i ON i.indexrelid = c.oid
    JOIN pg_catalog.pg_dist_partition t ON t.logicalrelid = coalesce(i.indrelid, c.oid)
), listed AS MATERIALIZED (
  SELECT pg_catalog.string_agg(pg_catalog.quote_literal(k.name), ', ') AS names
    FROM (SELECT n.name, pg_catalog.sum(n.placements) OVER (ORDER BY n.placements, n.oid) AS shards FROM known n) k
   WHERE k.shards <= 4096
), answer AS MATERIALIZED (
  SELECT r.result::json AS estimates
    FROM bounded b
    JOIN listed ON listed.names IS NOT NULL
   CROSS JOIN LATERAL pg_catalog.run_command_on_all_nodes($node$
         WITH RECURSIVE locked AS MATERIALIZED (
           SELECT l.relation AS oid FROM pg_catalog.pg_locks l
            WHERE l.mode = 'AccessExclusiveLock' AND l.locktype = 'relation'
         ), asked AS MATERIALIZED (
           SELECT c.oid::bigint AS oid, x.name,
                  CASE WHEN c.reltuples < 0 AND c.oid NOT IN (SELECT k.oid FROM locked k WHERE k.oid IS NOT NULL)
                       THEN pg_catalog.pg_relation_size(c.oid) = 0 ELSE false END AS is_empty
             FROM pg_catalog.unnest(ARRAY[$node$ || listed.names || $node$]) x(name)
             JOIN pg_catalog.pg_class l ON l.oid = pg_catalog.to_regclass(x.name)
             LEFT JOIN pg_catalog.pg_index i ON i.indexrelid = l.oid
             JOIN pg_catalog.pg_dist_shard s ON s.logicalrelid = coalesce(i.indrelid, l.oid)
             JOIN pg_catalog.pg_dist_placement p ON p.shardid = s.shardid
             JOIN pg_catalog.pg_dist_local_group g ON g.groupid = p.groupid
             @shard_relation@
         ), @bloat_rows@
         SELECT coalesce(pg_catalog.json_agg(x), '[]') FROM (
           SELECT a.name, pg_catalog.count(*) FILTER (WHERE s.reason = '') AS estimated,
                  pg_catalog.min(s.reason) FILTER (WHERE s.reason <> '') AS reason,
                  pg_catalog.bool_or(s.hidden) AS hidden, pg_catalog.sum(s.spare * s.block) AS bloat,
                  pg_catalog.sum((s.pages + coalesce(s.toast_pages, 0)) * s.block) AS size,
                  pg_catalog.sum(s.heap_spare * s.block) AS heap_bloat, pg_catalog.sum(s.pages * s.block) AS heap,
                  pg_catalog.sum(s.toast_spare * s.block) AS toast_bloat,
                  pg_catalog.sum(s.toast_pages * s.block) AS toast
             FROM summed s JOIN asked a ON a.oid = s.oid
            GROUP BY a.name) x
       $node$ || pg_catalog.left(b.timeout, 0), true, false) r
   WHERE r.success
), found AS MATERIALIZED (
  SELECT x.name, pg_catalog.sum(x.estimated) AS estimated, pg_catalog.min(x.reason) AS reason,
         pg_catalog.bool_or(x.hidden) AS hidden, pg_catalog.sum(x.bloat) AS bloat, pg_catalog.sum(x.size) AS size,
         pg_catalog.sum(x.heap_bloat) AS heap_bloat, pg_catalog.sum(x.heap) AS heap,
         pg_catalog.sum(x.toast_bloat) AS toast_bloat, pg_catalog.sum(x.toast) AS toast
    FROM answer a
   CROSS JOIN LATERAL pg_catalog.json_to_recordset(a.estimates) x(
         name text, estimated bigint, reason text, hidden boolean, bloat float8, size float8, heap_bloat float8,
         heap float8, toast_bloat float8, toast float8)
   GROUP BY x.name
), complete AS (
  SELECT k.oid, k.placements, coalesce(f.estimated, 0) AS estimated, coalesce(f.reason, 'not read') AS reason,
         coalesce(f.hidden, false) AS hidden, c.*
    FROM known k
    LEFT JOIN found f ON f.name = k.name
    LEFT JOIN LATERAL (SELECT f.bloat, f.size, f.heap_bloat, f.heap, f.toast_bloat, f.toast
                        WHERE f.estimated = k.placements) c ON true
)
SELECT c.oid, c.bloat::bigint AS cluster_bloat, 100.0::float8 * c.bloat / greatest(c.size, 1) AS cluster_bloat_pct,
       CASE WHEN c.estimated = c.placements THEN ''
            ELSE c.placements - c.estimated || ' of ' || c.placements || ' shards: ' || c.reason
            END AS cluster_bloat_reason,
       c.hidden AS cluster_bloat_hidden,
       c.heap_bloat::bigint AS cluster_heap_bloat,
       100.0::float8 * c.heap_bloat / greatest(c.heap, 1) AS cluster_heap_bloat_pct,
       c.toast_bloat::bigint AS cluster_toast_bloat,
       100.0::float8 * c.toast_bloat / greatest(c.toast, 1) AS cluster_toast_bloat_pct
  FROM complete c
