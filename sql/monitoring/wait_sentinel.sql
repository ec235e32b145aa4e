-- What active sessions waited for some time ago, as pgsentinel sampled it, in slots of a few samples each.
-- extension: pgsentinel
--
-- Slot 0 ends `until` seconds ago; `looks` is how many samples are taken in one, which is `seconds` long. Sessions
-- idle in a transaction are there only with pgsentinel_ash.track_idle_trans.
WITH pace AS MATERIALIZED (
  SELECT p.period, greatest(%(slot)s::float8, p.period) AS width
    FROM (SELECT pg_catalog.current_setting('pgsentinel_ash.sampling_period')::float8 AS period) p
), kept AS MATERIALIZED (
  SELECT extract(epoch FROM pg_catalog.clock_timestamp() - h.ash_time)::float8 AS ago, h.pid,
         h.backend_type AS backend, h.state, nullif(h.wait_event_type, 'CPU') AS class,
         CASE WHEN h.wait_event_type <> 'CPU' THEN h.wait_event END AS event,
         nullif(h.queryid, 0) AS query_id, h.application_name AS application, h.usename AS "user"
    FROM @extschema@.pg_active_session_history h
), slots AS (
  SELECT pg_catalog.floor((k.ago - %(until)s::float8) / p.width)::int AS slot, k.pid, k.backend, k.state,
         k.class, k.event, k.query_id, k.application, k."user"
    FROM kept k
   CROSS JOIN pace p
   WHERE k.ago > %(until)s::float8 AND k.ago <= %(since)s::float8
     AND NOT (k.application = (SELECT pg_catalog.current_setting('application_name')) AND k."user" = SESSION_USER)
)
SELECT s.slot, s.pid, s.backend, s.state, s.class, s.event, s.query_id, s.application, s."user",
       pg_catalog.count(*) AS times,
       p.width AS seconds, p.width / p.period AS looks
  FROM slots s
 CROSS JOIN pace p
 GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, p.width, p.period
