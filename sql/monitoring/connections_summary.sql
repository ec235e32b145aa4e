-- Sessions by application and state: how many, how long, how much of what is usable.
WITH session AS MATERIALIZED (
  SELECT * FROM pg_catalog.pg_stat_get_activity(NULL)
), running (xid) AS MATERIALIZED (
  SELECT o.backend_xid FROM session o WHERE o.backend_xid IS NOT NULL
  UNION ALL SELECT p.transaction FROM pg_catalog.pg_prepared_xact() p
)
SELECT s.application, s.state, pg_catalog.count(*) AS sessions,
       100.0::double precision * pg_catalog.count(*) / u.usable AS used_percent,
       pg_catalog.max(s.query_age) AS longest_query,
       pg_catalog.max(s.idle_age) AS longest_idle_in_transaction,
       pg_catalog.max(s.xact_age) AS oldest_transaction,
       pg_catalog.max(s.xmin_age) AS xmin_age,
       pg_catalog.count(*) FILTER (WHERE s.waiting) AS waiting,
       -- Since when is only in pg_locks, which costs all sessions; a statement is at least as old as its wait.
       pg_catalog.count(*) FILTER (WHERE s.waiting AND s.query_age >= 1) AS waiting_long,
       u.usable
  FROM (SELECT a.application_name AS application,
               CASE WHEN a.backend_type IS NULL THEN 'hidden' ELSE a.state END AS state,
               pg_catalog.date_part('epoch', n.at - a.xact_start) AS xact_age,
               CASE WHEN a.state = 'active' THEN pg_catalog.date_part('epoch', n.at - a.query_start) END AS query_age,
               CASE WHEN a.state LIKE 'idle in transaction%%'
                   THEN pg_catalog.date_part('epoch', n.at - a.state_change) END AS idle_age,
               -- A snapshot whose xmin is the id of another's running transaction only inherits its age.
               greatest(pg_catalog.age(a.backend_xid),
                        CASE WHEN a.backend_xmin = a.backend_xid OR a.backend_xmin NOT IN (SELECT r.xid FROM running r)
                             THEN pg_catalog.age(a.backend_xmin) END) AS xmin_age,
               a.state = 'active' AND a.wait_event_type = 'Lock' AS waiting
          FROM session a
         CROSS JOIN (SELECT pg_catalog.clock_timestamp() AS at) n
         WHERE coalesce(a.backend_type = 'client backend',
                        (a.datid, a.usesysid) IS NOT NULL AND a.backend_start IS NULL)) s
 CROSS JOIN (SELECT pg_catalog.current_setting('max_connections')::integer
                    - pg_catalog.current_setting('superuser_reserved_connections')::integer
                    - coalesce(pg_catalog.current_setting('reserved_connections', true), '0')::integer AS usable) u
 GROUP BY s.application, s.state, u.usable
 ORDER BY sessions DESC
