-- Sessions of all databases with their ages, waits and who blocks them.
-- Texts are cut as bytes: those of a database in another encoding are not valid here, and left() would refuse them.
SELECT s.pid,
       CASE WHEN s.backend_type IS NULL THEN 'hidden'
            WHEN s.backend_type = 'autovacuum worker' THEN 'autovacuum'
            WHEN s.backend_type = 'parallel worker' THEN 'parallel'
            WHEN s.backend_type = 'walsender' THEN 'walsender'
            WHEN s.state = 'idle in transaction' THEN 'idle in tx'
            WHEN s.state = 'idle in transaction (aborted)' THEN 'aborted tx'
            WHEN s.state = 'fastpath function call' THEN 'fastpath'
            ELSE coalesce(s.state, 'no state') END AS state,
       pg_catalog.date_part('epoch', n.at - CASE WHEN s.state = 'active' OR s.state IS NULL THEN coalesce(s.query_start, s.backend_start)
                                                 ELSE s.state_change END) AS age,
       CASE WHEN s.backend_type <> 'autovacuum worker' THEN pg_catalog.date_part('epoch', n.at - s.xact_start) END AS xact_age,
       CASE WHEN s.state = 'active' THEN pg_catalog.date_part('epoch', n.at - s.query_start) END AS query_age,
       pg_catalog.date_part('epoch', n.at - s.state_change) AS state_age,
       CASE WHEN s.state IS DISTINCT FROM 'idle' AND s.state NOT LIKE 'idle in%' THEN s.wait_event_type || ':' || s.wait_event END AS wait,
       CASE WHEN s.wait_event_type = 'Lock' THEN pg_catalog.pg_blocking_pids(s.pid) END AS blocked_by,
       pg_catalog.pg_get_userbyid(s.usesysid)::text AS "user",
       s.application_name AS application,
       coalesce(s.client_hostname, pg_catalog.host(s.client_addr), CASE WHEN s.client_port = -1 THEN 'local' END) AS client,
       d.datname::text AS database,
       pg_catalog.substring(pg_catalog.textsend(s.query), 1, 300) AS query,
       s.backend_start,
       greatest(pg_catalog.age(s.backend_xmin), pg_catalog.age(s.backend_xid)) AS xmin_age,
       s.query_id, s.leader_pid, s.backend_type AS kind
  FROM pg_catalog.pg_stat_get_activity(NULL) s
  LEFT JOIN pg_catalog.pg_database d ON d.oid = s.datid
 CROSS JOIN (SELECT pg_catalog.clock_timestamp() AS at) n
 WHERE (s.datid IS NOT NULL OR s.backend_type = 'walsender' OR s.backend_type IS NULL AND s.usesysid IS NOT NULL)
   AND s.pid <> pg_catalog.pg_backend_pid()
   AND NOT (s.application_name = pg_catalog.current_setting('application_name')
            AND s.usesysid = (SELECT r.oid FROM pg_catalog.pg_roles r WHERE r.rolname = SESSION_USER)
            AND s.client_addr IS NOT DISTINCT FROM pg_catalog.inet_client_addr())
 ORDER BY s.state = 'idle', s.state_change DESC
