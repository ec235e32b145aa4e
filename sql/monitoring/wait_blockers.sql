-- Who blocks the sessions that wait for a lock.
-- Each answer holds up the lock manager for a moment, so it is asked for what is shown only.
SELECT w.pid, pg_catalog.pg_blocking_pids(w.pid) AS blocked_by
  FROM pg_catalog.unnest(%(pids)s::integer[]) w (pid)
