-- The sessions that run a statement or are idle in a transaction: what each waits for, and who blocks it.
-- Server processes without a database and walsenders are left out: their waits are those of the server itself. Of
-- sessions that this role may not see, only the number is known.
SELECT s.pid, s.backend_type AS backend, s.state, s.wait_event_type AS class, s.wait_event AS event, s.query_id,
       s.application_name AS application, pg_catalog.pg_get_userbyid(s.usesysid)::text AS "user",
       CASE WHEN s.wait_event_type = 'Lock' THEN pg_catalog.pg_blocking_pids(s.pid) END AS blocked_by,
       pg_catalog.substring(pg_catalog.textsend(s.query), 1, 300) AS query
  FROM pg_catalog.pg_stat_get_activity(NULL) s
 WHERE s.datid IS NOT NULL AND s.pid <> pg_catalog.pg_backend_pid()
   AND s.backend_type IS DISTINCT FROM 'walsender' AND s.state IS DISTINCT FROM 'idle'
   AND s.wait_event_type IS DISTINCT FROM 'Activity'
   -- The other connection of this console. One of another role or machine is sampled as any session.
   AND NOT (s.application_name = (SELECT pg_catalog.current_setting('application_name'))
            AND pg_catalog.pg_get_userbyid(s.usesysid) = SESSION_USER
            AND s.client_addr IS NOT DISTINCT FROM pg_catalog.inet_client_addr())
