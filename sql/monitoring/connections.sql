-- Sessions of all databases with their ages, waits and who blocks them.
-- Texts are cut as bytes, because those of a database in another encoding are not valid here, and left() would refuse
-- them.
WITH session AS MATERIALIZED (SELECT * FROM pg_catalog.pg_stat_get_activity(NULL))
SELECT s.pid,
       CASE WHEN s.backend_type = 'client backend' THEN s.state
            ELSE coalesce(s.backend_type, 'hidden') END AS state,
       pg_catalog.date_part('epoch', n.at - CASE WHEN s.state = 'active' THEN s.query_start
                                                 ELSE coalesce(s.state_change, s.backend_start) END) AS age,
       CASE WHEN s.backend_type <> 'autovacuum worker' THEN pg_catalog.date_part('epoch', n.at - s.xact_start) END
           AS xact_age,
       CASE WHEN s.state = 'active' OR s.state IS NULL THEN s.wait_event_type || ':' || s.wait_event END AS wait,
       CASE WHEN s.wait_event_type = 'Lock' THEN pg_catalog.pg_blocking_pids(s.pid) END AS blocked_by,
       pg_catalog.pg_get_userbyid(s.usesysid)::text AS "user",
       s.application_name AS application,
       coalesce(s.client_hostname, pg_catalog.host(s.client_addr), CASE WHEN s.client_port = -1 THEN 'local' END)
           AS client,
       d.datname::text AS database,
       pg_catalog.substring(pg_catalog.textsend(s.query), 1, 300) AS query,
       s.backend_start,
       -- A snapshot whose xmin is the id of another's running transaction only inherits its age.
       greatest(pg_catalog.age(s.backend_xid),
                CASE WHEN s.backend_xmin = s.backend_xid OR s.backend_xmin <> ALL (r.xids)
                     THEN pg_catalog.age(s.backend_xmin) END) AS xmin_age,
       s.query_id, s.leader_pid
  FROM session s
 CROSS JOIN (SELECT pg_catalog.clock_timestamp() AS at) n
 CROSS JOIN (SELECT ARRAY(SELECT o.backend_xid FROM session o WHERE o.backend_xid IS NOT NULL
                          UNION ALL SELECT p.transaction FROM pg_catalog.pg_prepared_xact() p) AS xids) r
  LEFT JOIN pg_catalog.pg_database d ON d.oid = s.datid
 WHERE (s.datid IS NOT NULL OR s.backend_type = 'walsender' OR s.backend_type IS NULL AND s.usesysid IS NOT NULL)
   AND s.pid <> pg_catalog.pg_backend_pid()
   -- The other connection of this console. One of another role or machine is shown as any session.
   AND NOT (s.application_name = (SELECT pg_catalog.current_setting('application_name'))
            AND pg_catalog.pg_get_userbyid(s.usesysid) = SESSION_USER
            AND s.client_addr IS NOT DISTINCT FROM pg_catalog.inet_client_addr())
