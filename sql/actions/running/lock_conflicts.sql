-- Who has held, for a second or longer, a lock that conflicts with a mode on a relation, and how many wait there.
-- One row for each pair of `relations` and `modes`, with the holder whose transaction is the oldest.
WITH level (mode, bit, conflicts) AS (
  VALUES ('AccessShareLock', 1, 128), ('RowShareLock', 2, 192), ('RowExclusiveLock', 4, 240),
         ('ShareUpdateExclusiveLock', 8, 248), ('ShareLock', 16, 236), ('ShareRowExclusiveLock', 32, 252),
         ('ExclusiveLock', 64, 254), ('AccessExclusiveLock', 128, 255)
), wanted AS MATERIALIZED (
  SELECT w.at, w.relation, w.mode, pg_catalog.to_regclass(w.relation)::oid AS oid, v.conflicts
    FROM ROWS FROM (pg_catalog.unnest(%(relations)s::text[]), pg_catalog.unnest(%(modes)s::text[]))
         WITH ORDINALITY w(relation, mode, at)
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
SELECT w.relation, w.mode AS wanted, h.pid, h.who, h.mode AS held, h.age,
       (SELECT pg_catalog.count(*) FROM holder o WHERE o.at = w.at AND o.age >= 1) - 1 AS others,
       (SELECT pg_catalog.count(*) FROM lock l WHERE l.relation = w.oid AND NOT l.granted) AS waiting
  FROM wanted w
  JOIN LATERAL (SELECT * FROM holder x WHERE x.at = w.at AND x.age >= 1 ORDER BY x.age DESC LIMIT 1) h ON true
 ORDER BY w.at
