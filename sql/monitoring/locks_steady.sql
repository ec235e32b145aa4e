-- What the sessions that wait for locks, and some others, do, in one number: while it is the same, so are their locks.
SELECT pg_catalog.count(*) FILTER (WHERE s.wait_event_type = 'Lock') AS waiting,
       pg_catalog.bit_xor(pg_catalog.hash_record_extended(
         ROW(s.pid, s.backend_start, s.xact_start, s.query_start, s.state_change, s.state, s.wait_event_type), 0))
           AS doing
  FROM pg_catalog.pg_stat_get_activity(NULL) s
 WHERE s.wait_event_type = 'Lock' OR s.pid = ANY (%(pids)s::integer[])
