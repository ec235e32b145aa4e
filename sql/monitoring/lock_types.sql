-- Locks by type: how many are held and waited for now; from 19 on also the waits that the server has counted.
-- The server counts a wait that lasted longer than deadlock_timeout and got its lock, and locks that found no slot in
-- the fast path, through which weak locks on relations are taken without the lock table.
WITH present AS (
  SELECT l.locktype, pg_catalog.count(*) FILTER (WHERE l.granted) AS held,
         pg_catalog.count(*) FILTER (WHERE NOT l.granted) AS waiting,
         pg_catalog.count(*) FILTER (WHERE l.fastpath) AS fast,
         pg_catalog.date_part('epoch', pg_catalog.clock_timestamp() - pg_catalog.min(l.waitstart)) AS longest_wait
    FROM pg_catalog.pg_locks l
   WHERE l.pid IS DISTINCT FROM pg_catalog.pg_backend_pid()
   GROUP BY l.locktype
)
SELECT coalesce(p.locktype, s.locktype) AS locktype, coalesce(p.held, 0) AS held, coalesce(p.waiting, 0) AS waiting,
       coalesce(p.fast, 0) AS fast, p.longest_wait,
       s.waits, s.wait_time AS wait_ms, s.fastpath_exceeded AS exceeded, s.waits IS NOT NULL AS counted,
       pg_catalog.date_part('epoch', s.stats_reset) AS counted_from
  FROM present p
  LEFT JOIN (  -- before 19
       SELECT NULL::text AS locktype, NULL::bigint AS waits, NULL::float8 AS wait_time,  -- before 19
              NULL::bigint AS fastpath_exceeded,  -- before 19
              NULL::timestamptz AS stats_reset) s ON s.locktype = p.locktype  -- before 19
  FULL JOIN pg_catalog.pg_stat_get_lock() s ON s.locktype = p.locktype  -- since 19
 ORDER BY waits DESC NULLS LAST, held DESC
