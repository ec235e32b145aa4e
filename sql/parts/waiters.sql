level (mode, bit, conflicts) AS (
  VALUES ('AccessShareLock', 1, 128), ('RowShareLock', 2, 192), ('RowExclusiveLock', 4, 240),
         ('ShareUpdateExclusiveLock', 8, 248), ('ShareLock', 16, 236), ('ShareRowExclusiveLock', 32, 252),
         ('ExclusiveLock', 64, 254), ('AccessExclusiveLock', 128, 255)
), lock AS MATERIALIZED (
  SELECT l.pid, l.granted, l.waitstart, v.bit, v.conflicts, l.locktype,
         coalesce(l.database, 0) AS a, coalesce(l.relation, l.classid, 0) AS b, coalesce(l.page, -1) AS c,
         coalesce(l.tuple, l.objsubid, -1) AS d, coalesce(l.objid, 0) AS e, coalesce(l.virtualxid, '') AS f,
         coalesce(l.transactionid, '0') AS g
    FROM pg_catalog.pg_locks l JOIN level v ON v.mode = l.mode
   WHERE (SELECT EXISTS (SELECT FROM activity s WHERE s.wait_event_type = 'Lock'))
     AND NOT l.fastpath  -- who has to wait for a lock moves it out of the fast path
), wanted AS MATERIALIZED (
  SELECT locktype, a, b, c, d, e, f, g, pg_catalog.row_number() OVER () AS lock_id,
         pg_catalog.bit_or(conflicts) AS conflicts
    FROM lock WHERE NOT granted GROUP BY locktype, a, b, c, d, e, f, g
), part AS MATERIALIZED (
  SELECT l.pid, l.granted, l.waitstart, l.bit, w.lock_id
    FROM wanted w
    JOIN lock l USING (locktype, a, b, c, d, e, f, g)
   WHERE NOT l.granted OR l.bit & w.conflicts <> 0
), waiter AS MATERIALIZED (
  SELECT q.pid, q.lock_id, q.bit, q.place,
         CASE WHEN q.place = 1 THEN q.holders END AS holders, CASE WHEN q.place = 1 THEN q.held_modes END AS held_modes
    FROM (SELECT p.pid, p.lock_id, p.bit, p.granted,
                 pg_catalog.row_number() OVER (PARTITION BY p.lock_id, p.granted ORDER BY p.waitstart, p.pid) AS place,
                 pg_catalog.array_agg(coalesce(s.leader_pid, p.pid, 0))
                   FILTER (WHERE p.granted) OVER (PARTITION BY p.lock_id) AS holders,
                 pg_catalog.array_agg(p.bit) FILTER (WHERE p.granted) OVER (PARTITION BY p.lock_id) AS held_modes
            FROM part p LEFT JOIN activity s ON s.pid = p.pid) q
   WHERE NOT q.granted
)
