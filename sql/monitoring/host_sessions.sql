-- Every process of the server that pg_stat_activity lists, with what it does; texts are cut as bytes.
SELECT s.pid, s.backend_start, s.query_start::text AS statement_start,
       CASE WHEN s.xact_start < pg_catalog.clock_timestamp() - '1 s'::interval THEN s.xact_start::text END
           AS transaction_start,
       CASE WHEN s.state = 'idle' AND s.state_change < pg_catalog.clock_timestamp() - '1 s'::interval
            THEN s.state_change::text END AS idle_since, coalesce(s.backend_type, 'hidden') AS type, s.state,
       s.application_name AS application, pg_catalog.pg_get_userbyid(s.usesysid)::text AS "user",
       d.datname::text AS database,
       CASE WHEN s.state = 'active' OR s.state IS NULL THEN s.wait_event_type || ':' || s.wait_event END AS wait,
       CASE WHEN s.state = 'active' THEN pg_catalog.date_part('epoch', pg_catalog.clock_timestamp() - s.query_start) END
           AS age,
       pg_catalog.date_part('epoch', s.state_change) AS changed,
       pg_catalog.substring(pg_catalog.textsend(s.query), 1, 300) AS query,
       -- The connections of this console.
       s.application_name = (SELECT pg_catalog.current_setting('application_name'))
         AND pg_catalog.pg_get_userbyid(s.usesysid) = SESSION_USER
         AND s.client_addr IS NOT DISTINCT FROM pg_catalog.inet_client_addr() AS own
  FROM pg_catalog.pg_stat_get_activity(NULL) s
  LEFT JOIN pg_catalog.pg_database d ON d.oid = s.datid
