-- Nodes of a Citus cluster: whether each answers, what it holds, and whether its metadata are those of this node.
-- lane: slow
-- extension: citus
--
-- Each node is asked once; one that does not answer within 3 s counts as down. Digests are of the nodes and placements
-- that a node knows. `missing`: shards that should be on the node and are not. `foreign`: tables of shards that
-- should not be there, without those that Citus itself is going to remove.
WITH bounded AS MATERIALIZED (
  SELECT pg_catalog.set_config('citus.node_connection_timeout', '3000', true) AS timeout
), answer AS MATERIALIZED (
  SELECT r.nodeid, r.success, CASE WHEN r.success THEN r.result::json END AS report,
         CASE WHEN NOT r.success THEN r.result END AS error
    FROM bounded b
   CROSS JOIN LATERAL pg_catalog.run_command_on_all_nodes($node$
         WITH locked AS MATERIALIZED (
           SELECT DISTINCT coalesce(i.indrelid, l.relation) AS oid
             FROM pg_catalog.pg_locks l LEFT JOIN pg_catalog.pg_index i ON i.indexrelid = l.relation
            WHERE l.mode = 'AccessExclusiveLock' AND l.locktype = 'relation'
         ), placed AS MATERIALIZED (
           SELECT p.shardid FROM pg_catalog.pg_dist_placement p
             JOIN pg_catalog.pg_dist_local_group g ON g.groupid = p.groupid
            WHERE p.shardstate = 1
         ), shard AS MATERIALIZED (
           SELECT n.name, pg_catalog.to_regclass(n.name)::oid AS oid,
                  s.shardid IN (SELECT p.shardid FROM placed p) AS placed
             FROM pg_catalog.pg_dist_shard s
             JOIN pg_catalog.pg_class c ON c.oid = s.logicalrelid
            CROSS JOIN LATERAL (  -- without its schema where that is public
                  SELECT CASE c.relnamespace WHEN pg_catalog.to_regnamespace('public') THEN 'public.' ELSE '' END
                         || pg_catalog.shard_name(s.logicalrelid, s.shardid) AS name) n
         )
         SELECT pg_catalog.json_build_object(
           'citus', (SELECT x.extversion FROM pg_catalog.pg_extension x WHERE x.extname = 'citus'),
           'postgres', pg_catalog.current_setting('server_version'),
           'sessions', (SELECT pg_catalog.count(*) FROM pg_catalog.pg_stat_activity a
                         WHERE a.backend_type = 'client backend'),
           'size', (SELECT pg_catalog.sum(pg_catalog.pg_total_relation_size(s.oid)) FROM shard s
                     WHERE s.placed AND s.oid IS NOT NULL AND s.oid NOT IN (SELECT l.oid FROM locked l)),
           'locked', (SELECT pg_catalog.count(*) FROM shard s
                       WHERE s.placed AND s.oid IN (SELECT l.oid FROM locked l)),
           'missing', (SELECT pg_catalog.json_agg(s.name ORDER BY s.name) FROM shard s
                        WHERE s.placed AND s.oid IS NULL),
           'foreign', (SELECT pg_catalog.json_agg(s.name ORDER BY s.name) FROM shard s
                        WHERE NOT s.placed AND s.oid IS NOT NULL),
           'digest', pg_catalog.md5(pg_catalog.concat(
             (SELECT pg_catalog.string_agg(pg_catalog.concat_ws(' ', n.nodeid, n.groupid, n.nodename, n.nodeport,
                                           n.isactive, n.noderole, n.shouldhaveshards), ',' ORDER BY n.nodeid)
                FROM pg_catalog.pg_dist_node n),
             (SELECT pg_catalog.string_agg(pg_catalog.concat_ws(' ', p.shardid, p.groupid, p.shardstate), ','
                                           ORDER BY p.shardid, p.groupid) FROM pg_catalog.pg_dist_placement p))))
       $node$ || pg_catalog.left(b.timeout, 0), true, false) r
), removal AS MATERIALIZED (  -- what Citus is going to remove by itself
  SELECT k.node_group_id AS groupid, pg_catalog.array_agg(k.object_name) AS names  -- since 11.1
    FROM pg_catalog.pg_dist_cleanup k GROUP BY 1  -- since 11.1
  SELECT NULL::int AS groupid, '{}'::text[] AS names  -- before 11.1
), node AS (
  SELECT n.nodeid, n.groupid, n.nodename::text AS nodename, n.nodeport, n.noderole::text AS noderole, n.isactive,
         n.hasmetadata, n.metadatasynced, n.shouldhaveshards
    FROM pg_catalog.pg_dist_node n
   UNION ALL
  SELECT 0, 0, 'this node', pg_catalog.current_setting('port')::int, 'primary', true, true, true, false
   WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_dist_node n WHERE n.groupid = 0)
)
SELECT n.nodeid::bigint AS nodeid, n.nodename || ':' || n.nodeport AS node, n.groupid::bigint AS "group",
       CASE WHEN n.noderole <> 'primary' THEN n.noderole WHEN n.groupid = 0 THEN 'coordinator' ELSE 'worker'
            END AS role,
       n.isactive AS active, n.hasmetadata, n.metadatasynced AS synced, n.shouldhaveshards AS holds_shards,
       CASE WHEN a.nodeid IS NOT NULL THEN a.success
            WHEN n.isactive THEN pg_catalog.citus_check_connection_to_node(n.nodename, n.nodeport) END AS reachable,
       a.error,
       (SELECT pg_catalog.count(*) FROM pg_catalog.pg_dist_placement p
         WHERE p.groupid = n.groupid AND n.noderole = 'primary') AS shards,
       (SELECT pg_catalog.count(*) FROM pg_catalog.pg_dist_placement p
         WHERE p.groupid = n.groupid AND n.noderole = 'primary' AND p.shardstate <> 1) AS inactive_shards,
       (SELECT pg_catalog.count(*) FROM pg_catalog.pg_dist_placement p  -- reference tables are on every node
         JOIN pg_catalog.pg_dist_shard s ON s.shardid = p.shardid
         JOIN pg_catalog.pg_dist_partition t ON t.logicalrelid = s.logicalrelid AND t.partmethod <> 'n'
         WHERE p.groupid = n.groupid AND n.noderole = 'primary') AS distributed_shards,
       (a.report ->> 'size')::bigint AS size, (a.report ->> 'locked')::bigint AS locked_shards,
       (a.report ->> 'sessions')::bigint AS sessions, a.report ->> 'citus' AS citus,
       a.report ->> 'postgres' AS postgres,
       (SELECT pg_catalog.array_agg(m.name) FROM pg_catalog.json_array_elements_text(
               nullif((a.report -> 'missing')::text, 'null')::json) m(name)) AS missing,
       (SELECT pg_catalog.array_agg(f.name) FROM pg_catalog.json_array_elements_text(
               nullif((a.report -> 'foreign')::text, 'null')::json) f(name)
         WHERE f.name <> ALL (coalesce((SELECT k.names FROM removal k WHERE k.groupid = n.groupid), '{}')))
           AS "foreign",
       (a.report ->> 'digest') = (SELECT h.report ->> 'digest' FROM answer h
                                    JOIN pg_catalog.pg_dist_local_group g ON true
                                    LEFT JOIN node o ON o.nodeid = h.nodeid
                                   WHERE coalesce(o.groupid, 0) = g.groupid
                                   LIMIT 1) AS same_metadata
  FROM node n
  LEFT JOIN answer a ON a.nodeid = n.nodeid
 ORDER BY n.groupid, n.nodeid
