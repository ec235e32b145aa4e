-- What sessions waited for some time ago, as pg_ash sampled it, in slots of a few samples each.
--
-- Slot 0 ends `until` seconds ago; `looks` is how many samples are taken in one, which is `seconds` long. A sample is
-- an array: groups of the negative number of a wait event, how many sessions were in it, and the number of the
-- statement of each, 0 where it has none. Its time is in seconds since the beginning of 2026.
WITH pace AS MATERIALIZED (
  SELECT p.period, greatest(%(slot)s::float8, p.period) AS width
    FROM (SELECT extract(epoch FROM f.sample_interval)::float8 AS period FROM ash.config f LIMIT 1) p
), sample AS MATERIALIZED (
  SELECT m.slot AS part, m.data,
         extract(epoch FROM pg_catalog.clock_timestamp() - '2026-01-01 00:00:00+00'::timestamptz)::float8
         - m.sample_ts AS ago
    FROM ash.sample m
   WHERE m.sample_ts >= extract(epoch FROM pg_catalog.clock_timestamp() - '2026-01-01 00:00:00+00'::timestamptz)
                        - %(since)s::float8
), seen AS (
  SELECT pg_catalog.floor((m.ago - %(until)s::float8) / p.width)::int AS slot, m.part, -m.data[g.at] AS wait,
         m.data[g.at + 1 + n.at] AS statement
    FROM sample m
   CROSS JOIN pace p
   CROSS JOIN LATERAL pg_catalog.generate_subscripts(m.data, 1) AS g(at)
   CROSS JOIN LATERAL pg_catalog.generate_series(1, m.data[g.at + 1]) AS n(at)
   WHERE m.data[g.at] < 0 AND m.ago > %(until)s::float8 AND m.ago <= %(since)s::float8
), counted AS MATERIALIZED (
  SELECT s.slot, s.part, s.wait, s.statement, pg_catalog.count(*) AS times
    FROM seen s
   GROUP BY 1, 2, 3, 4
)
SELECT c.slot, NULL::int AS pid, 'client backend' AS backend, e.state::text AS state,
       CASE WHEN e.type NOT IN ('CPU*', 'IdleTx') THEN e.type::text END AS class,
       CASE WHEN e.type NOT IN ('CPU*', 'IdleTx') THEN e.event::text END AS event,
       q.query_id::bigint AS query_id, '' AS application, '' AS "user", c.times,
       p.width AS seconds, p.width / p.period AS looks
  FROM counted c
 CROSS JOIN pace p
  JOIN ash.wait_event_map e ON e.id = c.wait
  LEFT JOIN ash.query_map_all q ON q.slot = c.part AND q.id = c.statement AND c.statement > 0
