-- Who waits for whom in a whole Citus cluster, by global pid.
-- lane: slow
-- extension: citus
WITH bounded AS MATERIALIZED (
  SELECT pg_catalog.set_config('citus.node_connection_timeout', '3000', true) AS timeout
), wait AS MATERIALIZED (
  SELECT w.* FROM bounded b CROSS JOIN LATERAL (SELECT l.* FROM pg_catalog.citus_lock_waits l
                                                 WHERE b.timeout IS NOT NULL) w
), session AS MATERIALIZED (  -- the nodes are asked only if anybody waits
  SELECT a.global_pid, a.usename::text AS usename, a.application_name, a.state, a.backend_start,
         a.query_start, a.xact_start,
         pg_catalog.date_part('epoch', pg_catalog.now() - a.query_start) AS query_age,
         pg_catalog.date_part('epoch', pg_catalog.now() - a.xact_start) AS tx_age
    FROM (SELECT 1 WHERE EXISTS (SELECT FROM wait)) x
   CROSS JOIN LATERAL pg_catalog.citus_stat_activity() a
   WHERE a.is_worker_query IS NOT TRUE
)
SELECT w.waiting_gpid, w.blocking_gpid, b.usename AS "user",
       coalesce(nullif(s.application_name, ''), s.usename) AS who,
       coalesce(nullif(b.application_name, ''), b.usename) AS blocker, b.state AS blocker_state,
       b.backend_start AS blocking_start, b.query_start::text AS statement_start,
       b.xact_start::text AS transaction_start,
       s.query_age AS waited, b.tx_age AS blocker_age,
       coalesce(m.nodename || ':' || m.nodeport, 'this node') AS node,
       coalesce(n.nodename || ':' || n.nodeport, 'this node') AS blocking_node,
       w.blocked_statement AS query, w.current_statement_in_blocking_process AS blocking_query
  FROM wait w
  LEFT JOIN session s ON s.global_pid = w.waiting_gpid
  LEFT JOIN session b ON b.global_pid = w.blocking_gpid
  LEFT JOIN pg_catalog.pg_dist_node m ON m.nodeid = w.waiting_nodeid
  LEFT JOIN pg_catalog.pg_dist_node n ON n.nodeid = w.blocking_nodeid
 ORDER BY s.query_age DESC NULLS LAST, w.waiting_gpid
 LIMIT 200
