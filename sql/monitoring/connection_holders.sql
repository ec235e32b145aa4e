-- Client sessions by application and user: how many, how many idle and for how long, how many wait for a lock.
-- Half of the idle ones, rounded up, have been idle since `half_idle_since` or earlier.
SELECT s.application, s.usename AS "user", pg_catalog.count(*) AS sessions,
       pg_catalog.count(*) FILTER (WHERE s.state = 'idle') AS idle,
       pg_catalog.count(*) FILTER (WHERE s.state LIKE 'idle in transaction%%') AS idle_in_transaction,
       pg_catalog.count(*) FILTER (WHERE s.state = 'active') AS active,
       pg_catalog.count(*) FILTER (WHERE s.wait_event_type = 'Lock') AS waiting,
       pg_catalog.max(s.idle_age) AS longest_idle,
       pg_catalog.percentile_disc(0.5) WITHIN GROUP (ORDER BY s.idle_age) AS median_idle,
       pg_catalog.percentile_disc(0.5) WITHIN GROUP (ORDER BY s.idle_since) AS half_idle_since
  FROM (SELECT a.application_name AS application, pg_catalog.pg_get_userbyid(a.usesysid)::text AS usename, a.state,
               a.wait_event_type,
               CASE WHEN a.state = 'idle'
                    THEN pg_catalog.date_part('epoch', pg_catalog.clock_timestamp() - a.state_change) END AS idle_age,
               CASE WHEN a.state = 'idle' THEN a.state_change END AS idle_since
          FROM pg_catalog.pg_stat_get_activity(NULL) a
         WHERE coalesce(a.backend_type = 'client backend',
                        (a.datid, a.usesysid) IS NOT NULL AND a.backend_start IS NULL)
           AND NOT (a.application_name = (SELECT pg_catalog.current_setting('application_name'))
                    AND pg_catalog.pg_get_userbyid(a.usesysid) = SESSION_USER
                    AND a.client_addr IS NOT DISTINCT FROM pg_catalog.inet_client_addr())) s
 GROUP BY s.application, s.usename
 ORDER BY sessions DESC, idle DESC
 LIMIT 20
