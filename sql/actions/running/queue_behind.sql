-- Sessions that wait for the session with this pid to get or to release a lock on a relation, and since when.
SELECT w.pid, pg_catalog.date_part('epoch', w.waitstart) AS since,
       pg_catalog.date_part('epoch', pg_catalog.clock_timestamp() - w.waitstart) AS seconds
  FROM pg_catalog.pg_locks w
 WHERE NOT w.granted AND w.locktype = 'relation' AND w.waitstart IS NOT NULL AND w.pid <> %(pid)s
   AND w.relation IN (SELECT o.relation FROM pg_catalog.pg_locks o WHERE o.pid = %(pid)s AND o.locktype = 'relation')
   AND %(pid)s = ANY (pg_catalog.pg_blocking_pids(w.pid))
