-- Every session and prepared transaction that waits for a lock or holds a lock that others wait for.
-- The first in the queue of each lock carries the lock's holders and their modes (bits, ACCESS SHARE is 1): with them
-- and the places in the queues the console works out who blocks whom, as pg_blocking_pids() does, which would stop the
-- lock manager once for each session. pg_locks is read only when somebody waits (or this role cannot see who does).
WITH session AS MATERIALIZED (
  SELECT * FROM pg_catalog.pg_stat_get_activity(NULL)
), level (mode, name, bit, conflicts) AS (
  VALUES ('AccessShareLock', ' AccessShare', 1, 128), ('RowShareLock', ' RowShare', 2, 192),
         ('RowExclusiveLock', ' RowExclusive', 4, 240), ('ShareUpdateExclusiveLock', ' ShareUpdateExclusive', 8, 248),
         ('ShareLock', ' Share', 16, 236), ('ShareRowExclusiveLock', ' ShareRowExclusive', 32, 252),
         ('ExclusiveLock', ' Exclusive', 64, 254), ('AccessExclusiveLock', ' AccessExclusive', 128, 255)
), lock AS MATERIALIZED (
  SELECT l.pid, l.virtualtransaction, l.granted, l.waitstart, v.name, v.bit, v.conflicts, l.locktype,
         l.database, l.relation, l.page, l.tuple, l.virtualxid, l.transactionid, l.classid, l.objid,
         coalesce(l.database, 0) AS a, coalesce(l.relation, l.classid, 0) AS b, coalesce(l.page, -1) AS c,
         coalesce(l.tuple, l.objsubid, -1) AS d, coalesce(l.objid, 0) AS e, coalesce(l.virtualxid, '') AS f,
         coalesce(l.transactionid, '0') AS g
    FROM pg_catalog.pg_locks l JOIN level v ON v.mode = l.mode
   WHERE (SELECT EXISTS (SELECT FROM session s WHERE s.wait_event_type = 'Lock' OR s.backend_type IS NULL))
     AND NOT l.fastpath  -- who has to wait for a lock moves it out of the fast path
), grouped AS (
  SELECT locktype, a, b, c, d, e, f, g, pg_catalog.row_number() OVER () AS lock_id,
         pg_catalog.bit_or(conflicts) AS conflicts, pg_catalog.min(database) AS database,
         pg_catalog.min(relation) AS relation, pg_catalog.min(page) AS page, pg_catalog.min(tuple) AS tuple,
         pg_catalog.min(classid) AS classid, pg_catalog.min(objid) AS objid,
         pg_catalog.min(virtualxid) AS virtualxid, pg_catalog.min(transactionid::text) AS transactionid
    FROM lock WHERE NOT granted GROUP BY locktype, a, b, c, d, e, f, g
), wanted AS MATERIALIZED (
  SELECT *, CASE WHEN relation IS NOT NULL AND database IN (0, (SELECT d.oid FROM pg_catalog.pg_database d
                                                                WHERE d.datname = pg_catalog.current_database()))
                 THEN relation::regclass::text
                 WHEN relation IS NOT NULL THEN 'relation ' || relation || ' of database ' || database
                 WHEN transactionid IS NOT NULL THEN 'transaction ' || transactionid
                 WHEN virtualxid IS NOT NULL THEN 'virtual transaction ' || virtualxid
                 ELSE locktype || coalesce(' ' || classid, '') || coalesce(' ' || objid, '') END
            || CASE WHEN locktype = 'tuple' THEN ' row (' || page || ',' || tuple || ')'
                    WHEN locktype IN ('extend', 'page') THEN ' ' || locktype ELSE '' END AS object
    FROM grouped
), part AS MATERIALIZED (
  SELECT l.pid, l.virtualtransaction, l.granted, l.waitstart, l.bit, w.lock_id,
         w.object || CASE WHEN w.transactionid IS NULL THEN l.name ELSE '' END AS what
    FROM wanted w
    JOIN lock l USING (locktype, a, b, c, d, e, f, g)
   WHERE NOT l.granted OR l.bit & w.conflicts <> 0
), prepared AS MATERIALIZED (
  SELECT p.gid, p.prepared, p.ownerid, p.dbid, x.virtualtransaction,
         - pg_catalog.row_number() OVER (ORDER BY p.gid)::integer AS pid
    FROM pg_catalog.pg_prepared_xact() p
    JOIN lock x ON x.pid IS NULL AND x.transactionid = p.transaction AND x.granted
), party AS MATERIALIZED (
  SELECT q.pid, q.holder, q.lock_id, q.bit, q.what, q.waitstart, q.granted, q.place,
         CASE WHEN q.place = 1 AND NOT q.granted THEN q.holders END AS holders,
         CASE WHEN q.place = 1 AND NOT q.granted THEN q.held_modes END AS held_modes
    FROM (SELECT p.pid, n.holder, p.lock_id, p.bit, p.what, p.waitstart, p.granted,
                 pg_catalog.row_number() OVER (PARTITION BY p.lock_id, p.granted ORDER BY p.waitstart, p.pid) AS place,
                 pg_catalog.array_agg(n.holder) FILTER (WHERE p.granted) OVER (PARTITION BY p.lock_id) AS holders,
                 pg_catalog.array_agg(p.bit) FILTER (WHERE p.granted) OVER (PARTITION BY p.lock_id) AS held_modes
            FROM part p
            LEFT JOIN session s ON s.pid = p.pid
            LEFT JOIN prepared x ON p.pid IS NULL AND x.virtualtransaction = p.virtualtransaction
           CROSS JOIN LATERAL (SELECT coalesce(s.leader_pid, p.pid, x.pid) AS holder) n) q
), holding AS MATERIALIZED (
  SELECT holder AS pid, pg_catalog.string_agg(DISTINCT what, ', ') AS holds FROM party WHERE granted GROUP BY holder
), row_wanted AS (
  -- Who waits for another transaction because of a row holds that row's own lock meanwhile.
  SELECT pid, pg_catalog.min(CASE
         WHEN database = (SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database())
         THEN relation::regclass::text ELSE 'relation ' || relation END
         || ' row (' || page || ',' || tuple || ')') AS what
    FROM lock WHERE locktype = 'tuple' AND granted GROUP BY pid
)
SELECT s.pid, NULL::text AS gid, s.pid AS holder_id, w.lock_id, w.place, w.bit AS wanted_mode, w.holders, w.held_modes,
       s.leader_pid,
       pg_catalog.date_part('epoch', n.at - w.waitstart) AS wait_age,
       pg_catalog.date_part('epoch', n.at - s.xact_start) AS xact_age,
       CASE WHEN s.backend_type = 'client backend' THEN s.state ELSE coalesce(s.backend_type, 'hidden') END AS state,
       CASE WHEN w.pid IS NOT NULL THEN r.what END AS wanted_row, w.what AS wants, o.holds,
       pg_catalog.pg_get_userbyid(s.usesysid)::text AS "user", s.application_name AS application,
       coalesce(s.client_hostname, pg_catalog.host(s.client_addr), CASE WHEN s.client_port = -1 THEN 'local' END)
           AS client,
       d.datname::text AS database,
       pg_catalog.substring(pg_catalog.textsend(s.query), 1, 300) AS query, s.backend_start,
       s.query_start::text AS statement_start,
       CASE WHEN s.xact_start < n.at - '1 s'::interval THEN s.xact_start::text END AS transaction_start,
       CASE WHEN s.state = 'idle' AND s.state_change < n.at - '1 s'::interval THEN s.state_change::text END
           AS idle_since,
       s.client_port, pg_catalog.date_part('epoch', coalesce(s.xact_start, s.state_change, s.backend_start)) AS since,
       pg_catalog.date_part('epoch', n.at - s.query_start) AS age
  FROM session s
 CROSS JOIN (SELECT pg_catalog.clock_timestamp() AS at) n
  LEFT JOIN party w ON w.pid = s.pid AND NOT w.granted
  LEFT JOIN holding o ON o.pid = s.pid
  LEFT JOIN row_wanted r ON r.pid = s.pid
  LEFT JOIN pg_catalog.pg_database d ON d.oid = s.datid
 WHERE w.pid IS NOT NULL OR o.pid IS NOT NULL
UNION ALL
SELECT 0, p.gid, p.pid, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
       pg_catalog.date_part('epoch', pg_catalog.clock_timestamp() - p.prepared), 'prepared', NULL, NULL, o.holds,
       pg_catalog.pg_get_userbyid(p.ownerid)::text, NULL, NULL, d.datname::text,
       pg_catalog.textsend('PREPARE TRANSACTION ' || pg_catalog.quote_literal(p.gid)), NULL, NULL, p.prepared::text,
       NULL, NULL, NULL, NULL
  FROM prepared p
  JOIN holding o ON o.pid = p.pid
  LEFT JOIN pg_catalog.pg_database d ON d.oid = p.dbid
