-- Who has held, for `least` seconds or longer, a lock that conflicts with a mode on a relation; how many wait there.
-- One row for each pair of `oids` and `modes` that has any, with the holder whose transaction is the oldest.
WITH level (mode, bit, conflicts) AS (
  VALUES ('AccessShareLock', 1, 128), ('RowShareLock', 2, 192), ('RowExclusiveLock', 4, 240),
         ('ShareUpdateExclusiveLock', 8, 248), ('ShareLock', 16, 236), ('ShareRowExclusiveLock', 32, 252),
         ('ExclusiveLock', 64, 254), ('AccessExclusiveLock', 128, 255)
), wanted AS MATERIALIZED (
  SELECT w.at, w.mode, w.oid, v.conflicts
    FROM ROWS FROM (pg_catalog.unnest(%(oids)s::oid[]), pg_catalog.unnest(%(modes)s::text[]))
         WITH ORDINALITY w(oid, mode, at)
    JOIN level v ON v.mode = w.mode
), every_lock AS MATERIALIZED (
  SELECT * FROM pg_catalog.pg_locks
), prepared AS (
  SELECT x.virtualtransaction, p.gid, p.prepared
    FROM pg_catalog.pg_prepared_xact() p
    JOIN every_lock x ON x.pid IS NULL AND x.locktype = 'transactionid' AND x.transactionid = p.transaction
), lock AS MATERIALIZED (
  SELECT l.relation, l.pid, l.virtualtransaction, l.granted, l.mode, v.bit
    FROM every_lock l
    JOIN level v ON v.mode = l.mode
   WHERE l.locktype = 'relation' AND l.pid IS DISTINCT FROM pg_catalog.pg_backend_pid()
     AND l.database = (SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database())
     AND l.relation IN (SELECT w.oid FROM wanted w)
), holder AS (
  SELECT DISTINCT ON (w.at, l.virtualtransaction) w.at, l.mode, l.pid,
         coalesce('prepared transaction ' || p.gid,
                  pg_catalog.concat_ws(', ', nullif(s.application_name, ''), pg_catalog.pg_get_userbyid(s.usesysid),
                                       coalesce(s.state, s.backend_type))) AS who,
         pg_catalog.date_part('epoch', pg_catalog.clock_timestamp() - coalesce(s.xact_start, p.prepared)) AS age
    FROM wanted w
    JOIN lock l ON l.relation = w.oid AND l.granted AND l.bit & w.conflicts <> 0
    LEFT JOIN pg_catalog.pg_stat_get_activity(NULL) s ON s.pid = l.pid
    LEFT JOIN prepared p ON l.pid IS NULL AND p.virtualtransaction = l.virtualtransaction
   ORDER BY w.at, l.virtualtransaction, l.bit DESC
)
SELECT w.oid::bigint AS oid, w.mode AS wanted, h.pid, h.who, h.mode AS held, h.age,
       coalesce(h.holders - 1, 0) AS others, q.waiting
  FROM wanted w
  LEFT JOIN LATERAL (
         SELECT x.pid, x.who, x.mode, x.age, pg_catalog.count(*) OVER () AS holders
           FROM holder x WHERE x.at = w.at AND coalesce(x.age, 0) >= %(least)s::float8
          ORDER BY x.age DESC NULLS LAST LIMIT 1) h ON true
 CROSS JOIN LATERAL (SELECT pg_catalog.count(*) AS waiting FROM lock l WHERE l.relation = w.oid AND NOT l.granted) q
 WHERE h.who IS NOT NULL OR q.waiting > 0
 ORDER BY w.at
