-- Client sessions of all nodes of a Citus cluster by global pid, each with its backends on other nodes.
-- lane: slow
-- extension: citus
WITH bounded AS MATERIALIZED (
  SELECT pg_catalog.set_config('citus.node_connection_timeout', '3000', true) AS timeout
), session AS MATERIALIZED (
  SELECT a.* FROM bounded b CROSS JOIN LATERAL pg_catalog.citus_stat_activity() a
   WHERE b.timeout IS NOT NULL
     AND a.backend_type = 'client backend' AND a.application_name NOT LIKE 'citus_run_command%%'
), part AS (
  SELECT s.global_pid, pg_catalog.count(*) AS parts,
         pg_catalog.string_agg(DISTINCT s.wait_event_type || ': ' || s.wait_event, ', ')
           FILTER (WHERE s.state = 'active' AND s.wait_event_type <> 'Client') AS waits
    FROM session s WHERE s.is_worker_query AND s.state <> 'idle' GROUP BY 1
)
SELECT s.global_pid AS gpid, coalesce(n.nodename || ':' || n.nodeport, 'this node') AS node, s.pid,
       s.usename::text AS "user", coalesce(nullif(s.application_name, ''), s.usename::text) AS who,
       s.datname::text AS db,
       pg_catalog.host(s.client_addr) AS address, s.state, s.backend_start,
       s.query_start::text AS statement_start,
       CASE WHEN s.xact_start < pg_catalog.now() - '1 s'::interval THEN s.xact_start::text END AS transaction_start,
       CASE WHEN s.state = 'idle' AND s.state_change < pg_catalog.now() - '1 s'::interval THEN s.state_change::text END
           AS idle_since,
       pg_catalog.date_part('epoch', pg_catalog.now() - s.xact_start) AS tx_age,
       pg_catalog.date_part('epoch', pg_catalog.now() - CASE s.state WHEN 'active' THEN s.query_start
                                                        ELSE s.state_change END) AS state_age,
       CASE WHEN s.wait_event_type <> 'Client' THEN s.wait_event_type || ': ' || s.wait_event END AS wait,
       coalesce(p.parts, 0) AS parts, p.waits AS part_waits, pg_catalog.left(s.query, 1000) AS query
  FROM session s
  LEFT JOIN part p ON p.global_pid = s.global_pid
  LEFT JOIN pg_catalog.pg_dist_node n ON n.nodeid = s.nodeid
 WHERE s.is_worker_query IS NOT TRUE AND s.datname IS NOT NULL
   AND s.application_name <> 'pipeline-console'
 ORDER BY s.xact_start NULLS LAST, s.global_pid
 LIMIT 500
