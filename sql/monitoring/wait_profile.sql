-- How often pg_wait_sampling has seen each session wait for what since it began to count, many times a second.
-- extension: pg_wait_sampling
--
-- Of processes that are not asked about only the number of looks counts: the server's own ones wait nearly always. What
-- sessions that are gone waited for is one row for each event. Version 1.1 does not count what runs without waiting,
-- later ones may, without an event.
WITH profile AS MATERIALIZED (
  SELECT p.pid, p.event_type AS class, p.event, nullif(p.queryid, 0) AS query_id, p.count
    FROM @extschema@.pg_wait_sampling_profile p
), sessions AS MATERIALIZED (
  SELECT s.pid, s.backend_type AS backend, s.application_name AS application, s.state, s.query_id,
         pg_catalog.pg_get_userbyid(s.usesysid)::text AS "user",
         extract(epoch FROM pg_catalog.clock_timestamp() - s.backend_start)::float8 AS started_ago,
         extract(epoch FROM pg_catalog.clock_timestamp() - s.xact_start)::float8 AS began_ago,
         extract(epoch FROM pg_catalog.clock_timestamp() - s.query_start)::float8 AS sent_ago,
         s.datid IS NULL OR s.pid = pg_catalog.pg_backend_pid() OR s.backend_type = 'walsender'
         OR (s.application_name = (SELECT pg_catalog.current_setting('application_name'))
             AND pg_catalog.pg_get_userbyid(s.usesysid) = SESSION_USER
             AND s.client_addr IS NOT DISTINCT FROM pg_catalog.inet_client_addr()) AS is_left_out
    FROM pg_catalog.pg_stat_get_activity(NULL) s
), counted AS (
  SELECT s.pid, CASE WHEN s.is_left_out THEN NULL ELSE p.class END AS class,
         CASE WHEN s.is_left_out THEN NULL ELSE p.event END AS event,
         CASE WHEN s.is_left_out THEN NULL ELSE p.query_id END AS query_id, pg_catalog.sum(p.count)::bigint AS times
    FROM profile p
    LEFT JOIN sessions s ON s.pid = p.pid
   GROUP BY 1, 2, 3, 4
)
SELECT s.pid, s.backend, s.state, c.class, c.event, c.query_id, s.query_id AS present_id, s.application, s."user",
       coalesce(c.times, 0) AS times, s.started_ago, s.began_ago, s.sent_ago, s.is_left_out,
       extract(epoch FROM pg_catalog.clock_timestamp() - pg_catalog.statement_timestamp())::float8 AS took
  FROM sessions s
  LEFT JOIN counted c ON c.pid = s.pid
 UNION ALL
SELECT NULL, 'client backend', NULL, c.class, c.event, c.query_id, NULL, NULL, NULL, c.times, NULL, NULL, NULL, false,
       NULL
  FROM counted c
 WHERE c.pid IS NULL
