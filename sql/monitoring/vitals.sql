-- Vital signs in one row: sessions, oldest transactions, totals of all databases, replication.
WITH session AS MATERIALIZED (
  SELECT s.pid, s.state, s.wait_event_type, s.xact_start, s.state_change, s.backend_xid, s.backend_xmin,
         coalesce(s.backend_type = 'client backend', s.datid IS NOT NULL AND s.usesysid IS NOT NULL) AS client,
         s.backend_type IS NOT NULL AS readable, s.pid = pg_catalog.pg_backend_pid() AS own
    FROM pg_catalog.pg_stat_get_activity(NULL) s
), sessions AS (
  SELECT pg_catalog.count(*) FILTER (WHERE client) AS used,
         pg_catalog.count(*) FILTER (WHERE client AND readable) AS visible,
         pg_catalog.count(*) FILTER (WHERE client AND state IN ('active', 'fastpath function call') AND NOT own) AS active,
         pg_catalog.count(*) FILTER (WHERE client AND state = 'active' AND wait_event_type = 'Lock') AS waiting,
         pg_catalog.count(*) FILTER (WHERE client AND state LIKE 'idle in transaction%') AS idle_in_transaction,
         pg_catalog.date_part('epoch', pg_catalog.clock_timestamp()
           - pg_catalog.min(xact_start) FILTER (WHERE client AND NOT own)) AS oldest_transaction,
         pg_catalog.date_part('epoch', pg_catalog.clock_timestamp()
           - pg_catalog.min(state_change) FILTER (WHERE client AND state LIKE 'idle in transaction%')) AS oldest_idle_in_transaction,
         pg_catalog.max(greatest(pg_catalog.age(backend_xmin), pg_catalog.age(backend_xid))) FILTER (WHERE NOT own) AS xmin_age
    FROM session
), usable AS (
  -- The third setting exists from 16 on.
  SELECT pg_catalog.current_setting('max_connections')::integer
         - pg_catalog.current_setting('superuser_reserved_connections')::integer
         - coalesce(pg_catalog.current_setting('reserved_connections', true), '0')::integer AS usable
), prepared AS (
  SELECT pg_catalog.count(*) AS prepared,
         pg_catalog.date_part('epoch', pg_catalog.clock_timestamp() - pg_catalog.min(p.prepared)) AS oldest_prepared
    FROM pg_catalog.pg_prepared_xact() p
), total AS (
  SELECT pg_catalog.sum(xact_commit + xact_rollback)::bigint AS transactions,
         pg_catalog.sum(xact_rollback)::bigint AS rollbacks,
         pg_catalog.sum(blks_hit)::bigint AS blocks_hit,
         pg_catalog.sum(blks_hit + blks_read)::bigint AS blocks,
         pg_catalog.sum(blk_read_time) AS read_ms,
         pg_catalog.sum(temp_bytes)::bigint AS temp_bytes,
         pg_catalog.sum(deadlocks)::bigint AS deadlocks,
         pg_catalog.sum(conflicts)::bigint AS conflicts,
         pg_catalog.sum(tup_returned)::bigint AS rows_read,
         pg_catalog.sum(tup_inserted + tup_updated + tup_deleted)::bigint AS rows_written
    FROM pg_catalog.pg_stat_database
), wraparound AS (
  SELECT pg_catalog.max(pg_catalog.age(datfrozenxid)) AS frozen_age FROM pg_catalog.pg_database
), wal AS MATERIALIZED (
  SELECT standby, CASE WHEN standby THEN pg_catalog.pg_last_wal_receive_lsn() ELSE pg_catalog.pg_current_wal_lsn() END AS lsn,
         CASE WHEN standby THEN pg_catalog.pg_last_wal_replay_lsn() END AS replayed
    FROM (SELECT pg_catalog.pg_is_in_recovery() AS standby) r
), sender AS (
  SELECT pg_catalog.count(*) AS replicas,
         pg_catalog.max(greatest(pg_catalog.pg_wal_lsn_diff(w.lsn, s.replay_lsn), 0))::bigint AS lag_bytes,
         pg_catalog.max(pg_catalog.date_part('epoch', s.replay_lag)) AS lag_seconds
    FROM pg_catalog.pg_stat_get_wal_senders() s CROSS JOIN wal w
)
SELECT sessions.*, usable.usable, prepared.*, total.*, wraparound.frozen_age, wal.standby,
       CASE WHEN NOT wal.standby THEN pg_catalog.pg_wal_lsn_diff(wal.lsn, '0/0')::bigint END AS wal_bytes,
       sender.replicas,
       CASE WHEN wal.standby THEN greatest(pg_catalog.pg_wal_lsn_diff(wal.lsn, wal.replayed), 0)::bigint
            ELSE sender.lag_bytes END AS lag_bytes,
       CASE WHEN NOT wal.standby THEN coalesce(sender.lag_seconds, CASE WHEN sender.lag_bytes IS NOT NULL THEN 0 END)
            WHEN wal.lsn <= wal.replayed THEN 0
            ELSE pg_catalog.date_part('epoch', pg_catalog.clock_timestamp() - pg_catalog.pg_last_xact_replay_timestamp())
       END AS lag_seconds
  FROM sessions, usable, prepared, total, wraparound, wal, sender
