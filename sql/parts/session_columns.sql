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
), running (xid) AS MATERIALIZED (
  SELECT o.backend_xid FROM activity o WHERE o.backend_xid IS NOT NULL
  UNION ALL SELECT p.transaction FROM pg_catalog.pg_prepared_xact() p
)
SELECT s.pid,
       CASE WHEN s.backend_type = 'client backend' THEN s.state
            ELSE coalesce(s.backend_type, 'hidden') END AS state,
       pg_catalog.date_part('epoch', n.at - CASE WHEN s.state = 'active' THEN s.query_start
                                                 ELSE coalesce(s.state_change, s.backend_start) END) AS age,
       CASE WHEN s.backend_type <> 'autovacuum worker' THEN pg_catalog.date_part('epoch', n.at - s.xact_start) END
           AS xact_age,
       CASE WHEN s.state = 'active' OR s.state IS NULL THEN s.wait_event_type || ':' || s.wait_event END AS wait,
       w.lock_id, w.place, w.bit AS wanted_mode, w.holders, w.held_modes,
       pg_catalog.pg_get_userbyid(s.usesysid)::text AS "user",
       s.application_name AS application,
       coalesce(s.client_hostname, pg_catalog.host(s.client_addr), CASE WHEN s.client_port = -1 THEN 'local' END)
           AS client,
       d.datname::text AS database,
       pg_catalog.substring(pg_catalog.textsend(s.query), 1, 300) AS query,
       s.backend_start,
       -- A snapshot whose xmin is the id of another's running transaction only inherits its age.
       greatest(pg_catalog.age(s.backend_xid),
                CASE WHEN s.backend_xmin = s.backend_xid OR s.backend_xmin NOT IN (SELECT r.xid FROM running r)
                     THEN pg_catalog.age(s.backend_xmin) END) AS xmin_age,
       s.query_id, s.leader_pid, s.client_port, s.query_start::text AS statement_start,
       -- A session that shows a shorter one runs many: whoever ends it means the session.
       CASE WHEN s.xact_start < n.at - '1 s'::interval THEN s.xact_start::text END AS transaction_start,
       CASE WHEN s.state = 'idle' AND s.state_change < n.at - '1 s'::interval THEN s.state_change::text END
           AS idle_since,
       pg_catalog.date_part('epoch', coalesce(s.xact_start, s.state_change, s.backend_start)) AS since
