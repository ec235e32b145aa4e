-- What a session waits for, and which sessions it should release its lock for.
--
-- It yields to a session it waits for that also waits for it (the deadlock detector would cancel one of the two), to
-- sessions queued behind it while it only waits for a table, and to sessions that others wait for in turn. A role that
-- may not see wait events checks the blockers of every session.
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
