-- What the sessions that run something wait for at this moment: how many for each event, and an example.
WITH session AS MATERIALIZED (SELECT * FROM pg_catalog.pg_stat_get_activity(NULL))
SELECT w.class, w.event, pg_catalog.count(*) AS sessions, pg_catalog.max(w.age) AS longest,
       (pg_catalog.array_agg(w.pid ORDER BY w.age DESC NULLS LAST))[1] AS pid,
       (pg_catalog.array_agg(w.who ORDER BY w.age DESC NULLS LAST))[1] AS who,
       (pg_catalog.array_agg(w.query ORDER BY w.age DESC NULLS LAST))[1] AS query
  FROM (SELECT s.pid,
               CASE WHEN s.state LIKE 'idle in transaction%%' THEN 'Idle in transaction'
                    WHEN s.backend_type IS NULL THEN 'hidden'
                    ELSE coalesce(s.wait_event_type, 'CPU') END AS class,
               CASE WHEN s.state LIKE 'idle in transaction%%' THEN 'ClientRead' ELSE s.wait_event END AS event,
               pg_catalog.date_part('epoch', pg_catalog.clock_timestamp()
                 - CASE WHEN s.state = 'active' THEN s.query_start ELSE s.state_change END) AS age,
               coalesce(nullif(s.application_name, ''), pg_catalog.pg_get_userbyid(s.usesysid)::text) AS who,
               pg_catalog.substring(pg_catalog.textsend(s.query), 1, 300) AS query
          FROM session s
         WHERE s.datid IS NOT NULL AND s.pid <> pg_catalog.pg_backend_pid()
           AND (s.state IS DISTINCT FROM 'idle' OR s.backend_type IS NULL)) w
 GROUP BY w.class, w.event
 ORDER BY pg_catalog.count(*) DESC, w.class, w.event
