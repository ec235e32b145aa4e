-- Vital signs in one row: sessions, oldest transactions, totals of all databases, replication.
SELECT s.used, s.visible, s.active, s.waiting, s.idle_in_transaction,
       pg_catalog.date_part('epoch', n.at - s.xact_start) AS oldest_transaction,
       pg_catalog.date_part('epoch', n.at - s.idle_since) AS oldest_idle_in_transaction,
       s.xmin_age, u.usable, p.prepared, pg_catalog.date_part('epoch', n.at - p.since) AS oldest_prepared,
       d.*, r.standby, r.wal_bytes, w.replicas,
       CASE WHEN r.standby THEN r.lag_bytes ELSE w.lag_bytes END AS lag_bytes,
       -- The server keeps the last lag it measured; who has replayed everything is not behind.
       CASE WHEN coalesce(r.lag_bytes, w.lag_bytes) = 0 THEN 0
            WHEN NOT r.standby THEN w.lag_seconds
            ELSE pg_catalog.date_part('epoch', n.at - pg_catalog.pg_last_xact_replay_timestamp()) END AS lag_seconds
  FROM (SELECT pg_catalog.count(*) AS used,
               pg_catalog.count(a.backend_type) AS visible,
               pg_catalog.count(*) FILTER (WHERE a.state IN ('active', 'fastpath function call')
                                             AND a.pid <> pg_catalog.pg_backend_pid()) AS active,
               pg_catalog.count(*) FILTER (WHERE a.wait_event_type = 'Lock') AS waiting,
               pg_catalog.count(*) FILTER (WHERE a.state IN ('idle in transaction', 'idle in transaction (aborted)'))
                   AS idle_in_transaction,
               pg_catalog.min(a.xact_start) FILTER (WHERE a.pid <> pg_catalog.pg_backend_pid()) AS xact_start,
               pg_catalog.min(a.state_change)
                   FILTER (WHERE a.state IN ('idle in transaction', 'idle in transaction (aborted)')) AS idle_since,
               pg_catalog.max(greatest(pg_catalog.age(a.backend_xmin), pg_catalog.age(a.backend_xid)))
                 FILTER (WHERE a.pid <> pg_catalog.pg_backend_pid()) AS xmin_age
          FROM pg_catalog.pg_stat_get_activity(NULL) a
         WHERE coalesce(a.backend_type = 'client backend', a.datid IS NOT NULL AND a.usesysid IS NOT NULL)) s,
       -- The third setting exists from 16 on.
       (SELECT pg_catalog.current_setting('max_connections')::integer
               - pg_catalog.current_setting('superuser_reserved_connections')::integer
               - coalesce(pg_catalog.current_setting('reserved_connections', true), '0')::integer AS usable) u,
       (SELECT pg_catalog.count(*) AS prepared, pg_catalog.min(t.prepared) AS since
           FROM pg_catalog.pg_prepared_xact() t) p,
       -- Oid 0 counts what belongs to no database: shared catalogs.
       (SELECT pg_catalog.sum(pg_catalog.pg_stat_get_db_xact_commit(o.oid)
                              + pg_catalog.pg_stat_get_db_xact_rollback(o.oid))::bigint AS transactions,
               pg_catalog.sum(pg_catalog.pg_stat_get_db_xact_rollback(o.oid))::bigint AS rollbacks,
               pg_catalog.sum(pg_catalog.pg_stat_get_db_blocks_hit(o.oid))::bigint AS blocks_hit,
               pg_catalog.sum(pg_catalog.pg_stat_get_db_blocks_fetched(o.oid))::bigint AS blocks,
               pg_catalog.sum(pg_catalog.pg_stat_get_db_blk_read_time(o.oid)) AS read_ms,
               pg_catalog.sum(pg_catalog.pg_stat_get_db_temp_bytes(o.oid))::bigint AS temp_bytes,
               pg_catalog.sum(pg_catalog.pg_stat_get_db_deadlocks(o.oid))::bigint AS deadlocks,
               pg_catalog.sum(pg_catalog.pg_stat_get_db_conflict_all(o.oid))::bigint AS conflicts,
               pg_catalog.sum(pg_catalog.pg_stat_get_db_tuples_returned(o.oid))::bigint AS rows_read,
               pg_catalog.sum(pg_catalog.pg_stat_get_db_tuples_inserted(o.oid)
                   + pg_catalog.pg_stat_get_db_tuples_updated(o.oid)
                              + pg_catalog.pg_stat_get_db_tuples_deleted(o.oid))::bigint AS rows_written,
               pg_catalog.max(o.frozen_age) AS frozen_age
          FROM (SELECT b.oid, pg_catalog.age(b.datfrozenxid) AS frozen_age FROM pg_catalog.pg_database b
                UNION ALL SELECT 0::oid, NULL) o) d,
       (SELECT i.standby,
               CASE WHEN NOT i.standby
                   THEN pg_catalog.pg_wal_lsn_diff(pg_catalog.pg_current_wal_lsn(), '0/0')::bigint END AS wal_bytes,
               CASE WHEN i.standby THEN greatest(pg_catalog.pg_wal_lsn_diff(pg_catalog.pg_last_wal_receive_lsn(),
                                                                            pg_catalog.pg_last_wal_replay_lsn()),
                                                                                0)::bigint END AS lag_bytes
          FROM (SELECT pg_catalog.pg_is_in_recovery() AS standby) i) r,
       (SELECT pg_catalog.count(*) AS replicas,
               pg_catalog.max(greatest(pg_catalog.pg_wal_lsn_diff(
                 CASE WHEN pg_catalog.pg_is_in_recovery() THEN pg_catalog.pg_last_wal_receive_lsn()
                      ELSE pg_catalog.pg_current_wal_lsn() END, x.replay_lsn), 0))::bigint AS lag_bytes,
               pg_catalog.max(pg_catalog.date_part('epoch', x.replay_lag)) AS lag_seconds
          FROM pg_catalog.pg_stat_get_wal_senders() x) w,
       (SELECT pg_catalog.clock_timestamp() AS at) n
