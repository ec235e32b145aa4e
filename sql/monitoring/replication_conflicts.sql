-- Queries of a standby that the replay of WAL cancelled, by database and reason, as counters since the last reset.
SELECT d.oid::bigint AS oid, d.datname::text AS database,
       c.tablespaces + c.locks + c.snapshots + c.pins + c.deadlocks + c.slots AS conflicts, c.*,
       pg_catalog.date_part('epoch', pg_catalog.pg_stat_get_db_stat_reset_time(d.oid)) AS counted_from
  FROM pg_catalog.pg_database d
 CROSS JOIN LATERAL (
       SELECT pg_catalog.pg_stat_get_db_conflict_tablespace(d.oid) AS tablespaces,
              pg_catalog.pg_stat_get_db_conflict_lock(d.oid) AS locks,
              pg_catalog.pg_stat_get_db_conflict_snapshot(d.oid) AS snapshots,
              pg_catalog.pg_stat_get_db_conflict_bufferpin(d.oid) AS pins,
              pg_catalog.pg_stat_get_db_conflict_startup_deadlock(d.oid) AS deadlocks,
              pg_catalog.pg_stat_get_db_conflict_logicalslot(d.oid) AS slots  -- since 16
              0::bigint AS slots  -- before 16
       ) c
