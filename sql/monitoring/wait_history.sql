-- What sessions waited for since a moment, as pg_wait_sampling saw it many times a second: how often each in `samples`.
-- extension: pg_wait_sampling
--
-- It samples whatever waits, idle sessions too. A session that is not among the waiting ones ran: version 1.1 does not
-- say so, later ones may, without an event. One that waits for its client is idle unless it is in a transaction or runs
-- a statement; in a transaction that has ended meanwhile it counts as idle. The oldest moment may be overwritten in
-- part, so it does not count.
WITH kept AS MATERIALIZED (
  SELECT h.pid, h.ts, h.event_type AS class, h.event, nullif(h.queryid, 0) AS query_id
    FROM @extschema@.pg_wait_sampling_history h
), oldest AS MATERIALIZED (
  SELECT greatest(pg_catalog.min(k.ts), %(after)s::timestamptz,
                  pg_catalog.clock_timestamp() - pg_catalog.make_interval(secs => %(seconds)s::double precision)) AS ts
    FROM kept k
), history AS MATERIALIZED (
  SELECT k.* FROM kept k WHERE k.ts > (SELECT o.ts FROM oldest o)
), moments AS MATERIALIZED (
  SELECT DISTINCT h.ts FROM history h
), taken AS MATERIALIZED (
  SELECT pg_catalog.count(*) AS samples, pg_catalog.min(m.ts) AS first, pg_catalog.max(m.ts) AS last FROM moments m
), sessions AS MATERIALIZED (
  SELECT s.pid, s.backend_type AS backend, s.application_name AS application, s.state, s.query_id, s.query_start,
         s.xact_start, s.backend_start, pg_catalog.pg_get_userbyid(s.usesysid)::text AS "user",
         s.datid IS NULL OR s.pid = pg_catalog.pg_backend_pid() OR s.backend_type = 'walsender'
         OR (s.application_name = (SELECT pg_catalog.current_setting('application_name'))
             AND pg_catalog.pg_get_userbyid(s.usesysid) = SESSION_USER
             AND s.client_addr IS NOT DISTINCT FROM pg_catalog.inet_client_addr()) AS is_left_out
    FROM pg_catalog.pg_stat_get_activity(NULL) s
), waits AS (
  SELECT h.pid, CASE WHEN s.pid IS NULL THEN 'client backend' ELSE s.backend END AS backend,
         CASE WHEN s.state = 'disabled' THEN s.state
              WHEN h.event IS DISTINCT FROM 'ClientRead' OR h.query_id IS NOT NULL THEN 'active'
              WHEN s.state = 'active' AND h.ts >= s.query_start THEN 'active'
              WHEN h.ts >= s.xact_start THEN 'idle in transaction' ELSE 'idle' END AS state,
         h.class, h.event,
         coalesce(h.query_id, CASE WHEN s.state <> 'idle' AND h.ts >= s.query_start THEN s.query_id END) AS query_id,
         s.application, s."user"
    FROM history h
    LEFT JOIN sessions s ON s.pid = h.pid
   WHERE NOT coalesce(s.is_left_out, h.query_id IS NULL)
), counted AS (
  SELECT w.pid, w.backend, w.state, w.class, w.event, w.query_id, w.application, w."user", pg_catalog.count(*) AS times
    FROM waits w
   GROUP BY 1, 2, 3, 4, 5, 6, 7, 8
), ran AS (
  SELECT s.pid, s.backend, CASE WHEN s.state = 'disabled' THEN s.state ELSE 'active' END AS state,
         NULL::text AS class, NULL::text AS event, s.query_id, s.application, s."user",
         CASE WHEN s.backend_start < t.first THEN t.samples
              ELSE (SELECT pg_catalog.count(*) FROM moments m WHERE m.ts > s.backend_start) END
         - coalesce((SELECT pg_catalog.sum(c.times)::bigint FROM counted c WHERE c.pid = s.pid), 0) AS times
    FROM sessions s
   CROSS JOIN taken t
   WHERE NOT s.is_left_out AND s.backend IN ('client backend', 'parallel worker', 'autovacuum worker')
)
SELECT f.*, t.samples, t.last::text AS last
  FROM taken t
  LEFT JOIN (SELECT * FROM counted c WHERE c.state <> 'idle' AND c.class IS DISTINCT FROM 'Activity'
             UNION ALL SELECT * FROM ran r WHERE r.times > 0) f ON true
