-- Whom a session waits for, and to whom it should give way.
-- It gives way to who waits for it while it waits for him (the deadlock detector would end one of the two), who stands
-- behind it while it only queues for a table, and who waits for it while others wait behind him in turn.
-- A role that may not see what others wait for asks for the blockers of each of them.
WITH waiter AS MATERIALIZED (
  SELECT s.pid, s.wait_event, pg_catalog.pg_blocking_pids(s.pid) AS by
    FROM pg_catalog.pg_stat_get_activity(NULL) s
   WHERE s.wait_event_type = 'Lock' OR s.backend_type IS NULL
), own AS MATERIALIZED (
  SELECT w.wait_event, w.by FROM waiter w WHERE w.pid = %(pid)s
), concerned AS (
  SELECT true AS ahead, pg_catalog.unnest(own.by) AS pid FROM own
  UNION
  SELECT false, w.pid FROM waiter w
   WHERE %(pid)s = ANY (w.by)
     AND (EXISTS (SELECT FROM own WHERE w.pid = ANY (own.by) OR own.wait_event = 'relation')
          OR EXISTS (SELECT FROM waiter o WHERE w.pid = ANY (o.by)))
), named AS (
  SELECT c.ahead, CASE WHEN c.pid = 0 THEN 'a prepared transaction' ELSE pg_catalog.concat('pid ', c.pid, ' (',
           pg_catalog.concat_ws(', ', nullif(a.application_name, ''), pg_catalog.pg_get_userbyid(a.usesysid), a.state,
             pg_catalog.round(pg_catalog.date_part('epoch', pg_catalog.clock_timestamp() - a.xact_start))
                 || ' s in its transaction'),
           ')') END AS name
    FROM concerned c LEFT JOIN pg_catalog.pg_stat_get_activity(NULL) a ON a.pid = c.pid
)
SELECT pg_catalog.string_agg(n.name, ', ') FILTER (WHERE n.ahead) AS waits_for,
       pg_catalog.string_agg(n.name, ', ') FILTER (WHERE NOT n.ahead) AS behind
  FROM named n
