-- Locks on everything that a session waits for: who holds each, who wants it, since when; with the session of each.
-- pg_locks is read only when somebody waits (or when this role cannot see who does). A parallel worker counts as its
-- leader, a prepared transaction by its identifier. Of few sessions each is looked up; all of them would cost more than
-- their locks.
WITH lock AS MATERIALIZED (
  -- Who has to wait for a lock moves it out of the fast path: what is still there needs no tag, and of that only the
  -- tables matter of which rows are locked.
  SELECT l.pid, l.virtualtransaction, l.locktype, l.mode, l.granted, l.waitstart, l.database, l.relation, l.page,
         l.tuple, l.virtualxid, l.transactionid, l.classid, l.objid,
         CASE WHEN NOT l.fastpath THEN
           pg_catalog.concat_ws(' ', l.locktype, l.database, l.relation, '/', l.page, l.tuple, l.virtualxid,
                                l.transactionid, '/', l.classid, l.objid, l.objsubid) END AS tag
    FROM pg_catalog.pg_locks l
   WHERE (NOT l.fastpath OR l.mode = 'RowShareLock')
     AND (SELECT EXISTS (SELECT FROM pg_catalog.pg_stat_get_backend_idset() b(id)
                          WHERE pg_catalog.pg_stat_get_backend_wait_event_type(b.id)
                                IN ('Lock', '<insufficient privilege>')))
), wanted AS MATERIALIZED (
  SELECT DISTINCT tag FROM lock WHERE NOT granted
), part AS MATERIALIZED (
  SELECT l.* FROM lock l
   WHERE l.tag IN (SELECT w.tag FROM wanted w) OR l.granted AND l.locktype = 'tuple'
), session AS MATERIALIZED (
  SELECT a.*
    FROM (SELECT CASE WHEN pg_catalog.count(*) <= 50 THEN pg_catalog.array_agg(p.pid)
                      ELSE ARRAY[NULL::integer] END AS pids
            FROM (SELECT DISTINCT r.pid FROM part r WHERE r.pid IS NOT NULL) p) q
   CROSS JOIN LATERAL pg_catalog.unnest(q.pids) w(pid)
   CROSS JOIN LATERAL pg_catalog.pg_stat_get_activity(w.pid) a
), leader AS MATERIALIZED (
  SELECT a.pid, a.backend_start, a.query_start, a.xact_start
    FROM (SELECT DISTINCT s.leader_pid FROM session s WHERE s.leader_pid IS NOT NULL) w
   CROSS JOIN LATERAL pg_catalog.pg_stat_get_activity(w.leader_pid) a
), own_row AS MATERIALIZED (  -- the row's own lock of who waits for its holder
  SELECT DISTINCT ON (r.virtualtransaction) r.virtualtransaction, r.database, r.relation, r.tag
    FROM lock r WHERE r.locktype = 'tuple' AND r.granted
), locker AS MATERIALIZED (  -- transactions that have locked rows of a table
  SELECT t.virtualtransaction, t.database, t.relation, x.transactionid
    FROM lock t
    JOIN lock x ON x.locktype = 'transactionid' AND x.granted AND x.virtualtransaction = t.virtualtransaction
   WHERE t.locktype = 'relation' AND t.granted AND t.mode = 'RowShareLock'
), prepared AS MATERIALIZED (
  SELECT l.virtualtransaction, p.gid, p.prepared, p.ownerid, p.dbid
    FROM pg_catalog.pg_prepared_xact() p
    JOIN lock l ON l.pid IS NULL AND l.granted AND l.transactionid = p.transaction
), here AS MATERIALIZED (
  SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database()
)
SELECT coalesce(s.leader_pid, l.pid) AS pid, p.gid, l.tag, l.locktype AS kind,
       pg_catalog.left(l.mode, -4) AS mode, l.granted,
       pg_catalog.date_part('epoch', n.at - l.waitstart) AS wait_age,
       CASE WHEN l.relation IS NOT NULL AND l.database IN (0, (SELECT h.oid FROM here h))
            THEN l.relation::regclass::text
            WHEN l.relation IS NOT NULL THEN 'relation ' || l.relation || ' of database ' || l.database
            WHEN l.locktype = 'advisory' THEN 'advisory lock ' || pg_catalog.concat_ws(' ', l.classid, l.objid)
            WHEN l.transactionid IS NOT NULL THEN 'transaction ' || l.transactionid::text
            WHEN l.virtualxid IS NOT NULL THEN 'virtual transaction ' || l.virtualxid
            ELSE pg_catalog.concat_ws(' ', l.locktype, l.classid, l.objid) END AS object,
       -- Whether other transactions may share the lock of the row because of which it waits: pg_locks does not tell
       -- which rows are locked, only that they have locked rows of that table.
       CASE WHEN o.relation IS NULL THEN false ELSE EXISTS (
         SELECT FROM locker k
          WHERE k.database = o.database AND k.relation = o.relation AND k.transactionid <> l.transactionid
            AND k.virtualtransaction <> l.virtualtransaction
            AND NOT EXISTS (SELECT FROM lock q WHERE q.virtualtransaction = k.virtualtransaction
                               AND NOT q.granted AND q.tag IN (l.tag, o.tag))) END AS row_shared,
       CASE WHEN l.locktype = 'tuple' THEN '(' || l.page || ',' || l.tuple || ')' END AS "row",
       CASE WHEN p.gid IS NOT NULL THEN 'prepared'
            WHEN s.backend_type = 'client backend' THEN s.state ELSE coalesce(s.backend_type, 'hidden') END AS state,
       pg_catalog.date_part('epoch', n.at - coalesce(s.xact_start, p.prepared)) AS xact_age,
       pg_catalog.date_part('epoch', n.at - coalesce(s.state_change, p.prepared)) AS state_age,
       s.backend_xid IS NOT NULL OR p.gid IS NOT NULL AS wrote,
       pg_catalog.pg_get_userbyid(coalesce(s.usesysid, p.ownerid))::text AS "user", s.application_name AS application,
       coalesce(s.client_hostname, pg_catalog.host(s.client_addr), CASE WHEN s.client_port = -1 THEN 'local' END)
           AS client,
       d.datname::text AS database,
       pg_catalog.substring(pg_catalog.textsend(s.query), 1, 200) AS query,
       coalesce(g.backend_start, s.backend_start)::text AS backend_start,
       coalesce(g.query_start, s.query_start)::text AS statement_start,
       coalesce(g.xact_start, s.xact_start, p.prepared)::text AS transaction_start,
       CASE WHEN s.state = 'idle' AND s.state_change < n.at - '1 s'::interval THEN s.state_change::text END
           AS idle_since, s.client_port,
       pg_catalog.date_part('epoch', coalesce(s.xact_start, s.state_change, s.backend_start)) AS since
  FROM part l
 CROSS JOIN (SELECT pg_catalog.clock_timestamp() AS at) n
  LEFT JOIN session s ON s.pid = l.pid
  LEFT JOIN leader g ON g.pid = s.leader_pid
  LEFT JOIN prepared p ON l.pid IS NULL AND p.virtualtransaction = l.virtualtransaction
  LEFT JOIN own_row o ON o.virtualtransaction = l.virtualtransaction
                     AND NOT l.granted AND l.locktype = 'transactionid'
  LEFT JOIN pg_catalog.pg_database d ON d.oid = coalesce(s.datid, p.dbid)
