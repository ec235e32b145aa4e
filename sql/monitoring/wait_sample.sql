-- The sessions that run a statement or are idle in a transaction, and what each waits for.
-- Server processes without a database and walsenders are left out: their waits are those of the server itself. Of
-- sessions that this role may not see, only the number is known.
-- A session that runs a statement is in a transaction, but for moments too short to be sampled. So all sessions are
-- asked for the beginning of theirs, and only those that have one for the rest: most of hundreds of sessions are idle.
WITH busy AS MATERIALIZED (
  SELECT pg_catalog.pg_stat_get_backend_pid(b.id) AS pid
    FROM pg_catalog.pg_stat_get_backend_idset() b (id)
   WHERE pg_catalog.pg_stat_get_backend_xact_start(b.id) IS NOT NULL
     AND pg_catalog.pg_stat_get_backend_dbid(b.id) <> 0
     AND pg_catalog.pg_stat_get_backend_pid(b.id) <> pg_catalog.pg_backend_pid()
), most AS MATERIALIZED (
  -- One by one, a session takes six times as long as together with all others.
  SELECT 6 * (SELECT pg_catalog.count(*) FROM busy) > (SELECT pg_catalog.count(*)
                                                         FROM pg_catalog.pg_stat_get_backend_idset()) AS are_busy
), session AS (
  SELECT a.* FROM busy b CROSS JOIN LATERAL pg_catalog.pg_stat_get_activity(b.pid) a
   WHERE (SELECT NOT m.are_busy FROM most m)
   UNION ALL
  SELECT a.* FROM pg_catalog.pg_stat_get_activity(NULL) a
   WHERE (SELECT m.are_busy FROM most m) AND a.datid IS NOT NULL AND a.backend_type IS NOT NULL
     AND a.pid <> pg_catalog.pg_backend_pid()
)
SELECT s.pid, s.backend_type AS backend, s.state, s.wait_event_type AS class, s.wait_event AS event, s.query_id,
       s.application_name AS application, pg_catalog.pg_get_userbyid(s.usesysid)::text AS "user",
       pg_catalog.substring(pg_catalog.textsend(s.query), 1, 300) AS query
  FROM session s
 WHERE s.backend_type IS DISTINCT FROM 'walsender' AND s.state IS DISTINCT FROM 'idle'
   AND s.wait_event_type IS DISTINCT FROM 'Activity'
   -- The other connection of this console. One of another role or machine is sampled as any session.
   AND NOT (s.application_name = (SELECT pg_catalog.current_setting('application_name'))
            AND pg_catalog.pg_get_userbyid(s.usesysid) = SESSION_USER
            AND s.client_addr IS NOT DISTINCT FROM pg_catalog.inet_client_addr())
 UNION ALL
SELECT pg_catalog.pg_stat_get_backend_pid(b.id), NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
  FROM pg_catalog.pg_stat_get_backend_idset() b (id)
 WHERE NOT pg_catalog.pg_has_role('pg_read_all_stats', 'USAGE')
   AND pg_catalog.pg_stat_get_backend_dbid(b.id) <> 0
   AND NOT pg_catalog.pg_has_role(pg_catalog.pg_stat_get_backend_userid(b.id), 'USAGE')
