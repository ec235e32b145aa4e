SELECT e.used, e.visible, s.active, s.waiting, s.waiting_long, s.idle_in_transaction,
       pg_catalog.date_part('epoch', n.at - s.xact_start) AS oldest_transaction,
       pg_catalog.date_part('epoch', n.at - s.idle_since) AS oldest_idle_in_transaction,
       -- Positive where something is said to have begun after now: the clock was set back meanwhile.
       pg_catalog.date_part('epoch', e.latest - n.at) AS clock_behind,
       x.xmin_age, x.xmin_holder, x.catalog_xmin_age, x.catalog_xmin_holder,
       u.usable, p.prepared, pg_catalog.date_part('epoch', n.at - p.since) AS oldest_prepared,
       d.*, r.standby, r.wal_bytes, w.replicas,
       CASE WHEN r.standby THEN r.lag_bytes ELSE w.lag_bytes END AS lag_bytes,
       -- The server keeps the last lag it measured; who has replayed everything is not behind.
       CASE WHEN coalesce(r.lag_bytes, w.lag_bytes) = 0 THEN 0
            WHEN NOT r.standby THEN w.lag_seconds
            ELSE pg_catalog.date_part('epoch', n.at - pg_catalog.pg_last_xact_replay_timestamp()) END AS lag_seconds,
       -- The sessions that are not idle, for the averages of the pane waits: no other read is made for them. Those that
       -- do the same are one entry: a JSON value costs more than all else of a session.
       (SELECT pg_catalog.json_agg(pg_catalog.json_build_array(
                 a.pids, a.backend_type, a.state, a.wait_event_type, a.wait_event, a.query_id, a.application_name,
                 pg_catalog.pg_get_userbyid(a.usesysid)))::text
          FROM (SELECT pg_catalog.array_agg(b.pid) AS pids, b.backend_type, b.state, b.wait_event_type, b.wait_event,
                       b.query_id, b.application_name, b.usesysid
                  FROM session b
                 WHERE b.datid IS NOT NULL AND b.pid <> pg_catalog.pg_backend_pid() AND b.backend_type <> 'walsender'
                   AND b.state IS DISTINCT FROM 'idle' AND b.wait_event_type IS DISTINCT FROM 'Activity'
                   AND NOT (b.application_name = pg_catalog.current_setting('application_name')
                            AND pg_catalog.pg_get_userbyid(b.usesysid) = SESSION_USER
                            AND b.client_addr IS NOT DISTINCT FROM pg_catalog.inet_client_addr())
                 GROUP BY 2, 3, 4, 5, 6, 7, 8) a) AS sampled
  FROM (SELECT pg_catalog.count(*) AS used,
               pg_catalog.count(a.backend_type) AS visible,
               pg_catalog.max(greatest(a.query_start, a.state_change))
                   FILTER (WHERE a.pid <> pg_catalog.pg_backend_pid()) AS latest
          FROM activity a
         WHERE coalesce(a.backend_type = 'client backend',
                        (a.datid, a.usesysid) IS NOT NULL AND a.backend_start IS NULL)) e,
       (SELECT pg_catalog.count(*) FILTER (WHERE a.state IN ('active', 'fastpath function call')
                                             AND a.pid <> pg_catalog.pg_backend_pid()) AS active,
               pg_catalog.count(*) FILTER (WHERE a.wait_event_type = 'Lock') AS waiting,
               -- Since when is only in pg_locks, which costs all sessions; a statement is at least as old as its wait.
               pg_catalog.count(*) FILTER (WHERE a.wait_event_type = 'Lock'
                 AND a.query_start < pg_catalog.clock_timestamp() - '1 s'::interval) AS waiting_long,
               pg_catalog.count(*) FILTER (WHERE a.state IN ('idle in transaction', 'idle in transaction (aborted)'))
                   AS idle_in_transaction,
               pg_catalog.min(a.xact_start) FILTER (WHERE a.pid <> pg_catalog.pg_backend_pid()) AS xact_start,
               pg_catalog.min(a.state_change)
                   FILTER (WHERE a.state IN ('idle in transaction', 'idle in transaction (aborted)')) AS idle_since
          FROM session a
         WHERE a.client) s,
       -- Only the oldest one is given its name.
       (SELECT pg_catalog.max(o.age) AS xmin_age,
               pg_catalog.max(o.kind || pg_catalog.concat_ws(' ', o.pid, nullif(o.name, ''))) AS xmin_holder,
               pg_catalog.max(c.age) AS catalog_xmin_age, pg_catalog.max(c.name) AS catalog_xmin_holder
          FROM (SELECT 1) one
          LEFT JOIN (SELECT a.age, a.kind, a.pid, a.name
                       FROM aged a WHERE a.age IS NOT NULL ORDER BY a.age DESC LIMIT 1) o ON true
          LEFT JOIN (SELECT pg_catalog.age(r.catalog_xmin) AS age, r.name
                       FROM slot r WHERE r.catalog_xmin IS NOT NULL ORDER BY 1 DESC LIMIT 1) c ON true) x,
       -- The third setting exists from 16 on.
       (SELECT pg_catalog.current_setting('max_connections')::integer
               - pg_catalog.current_setting('superuser_reserved_connections')::integer
               - coalesce(pg_catalog.current_setting('reserved_connections', true), '0')::integer AS usable) u,
       (SELECT pg_catalog.count(*) AS prepared, pg_catalog.min(t.prepared) AS since FROM prepared t) p,
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
