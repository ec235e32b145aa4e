-- WAL senders: how far each standby or other receiver is behind, and at which stage its WAL is held up.
SELECT w.pid, nullif(a.application_name, '') AS application, pg_catalog.pg_get_userbyid(a.usesysid)::text AS "user",
       CASE WHEN a.client_port = -1 THEN 'local' ELSE pg_catalog.host(a.client_addr) END AS client,
       w.state, w.sync_state, w.sync_priority, s.slot_name::text AS slot,
       l.unsent, l.unwritten, l.unflushed, l.unreplayed, l.lag_bytes,
       -- The server keeps the last time it measured; who has replayed everything is not behind.
       CASE WHEN l.lag_bytes = 0 THEN 0 ELSE pg_catalog.date_part('epoch', w.replay_lag) END AS lag_seconds,
       pg_catalog.date_part('epoch', w.write_lag) AS write_seconds,
       pg_catalog.date_part('epoch', w.flush_lag) AS flush_seconds,
       pg_catalog.date_part('epoch', n.at - w.reply_time) AS reply_age,
       pg_catalog.date_part('epoch', n.at - a.backend_start) AS age
  FROM pg_catalog.pg_stat_get_wal_senders() w
  JOIN pg_catalog.pg_stat_get_activity(NULL) a ON a.pid = w.pid
  LEFT JOIN pg_catalog.pg_get_replication_slots() s ON s.active_pid = w.pid
 CROSS JOIN (SELECT pg_catalog.clock_timestamp() AS at,
                    CASE WHEN NOT pg_catalog.pg_is_in_recovery() THEN pg_catalog.pg_current_wal_lsn()
                         ELSE coalesce(pg_catalog.pg_last_wal_receive_lsn(), pg_catalog.pg_last_wal_replay_lsn()) END
                      AS lsn) n
 CROSS JOIN LATERAL (
       SELECT greatest(pg_catalog.pg_wal_lsn_diff(n.lsn, w.sent_lsn), 0)::bigint AS unsent,
              pg_catalog.pg_wal_lsn_diff(w.sent_lsn, w.write_lsn)::bigint AS unwritten,
              pg_catalog.pg_wal_lsn_diff(w.write_lsn, w.flush_lsn)::bigint AS unflushed,
              pg_catalog.pg_wal_lsn_diff(w.flush_lsn, w.replay_lsn)::bigint AS unreplayed,
              greatest(pg_catalog.pg_wal_lsn_diff(n.lsn, w.replay_lsn), 0)::bigint AS lag_bytes) l
