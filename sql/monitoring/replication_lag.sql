-- Each standby with how far behind it is at each stage; on a standby itself, why it may not replay.
SELECT a.pid, coalesce(nullif(a.application_name, ''), pg_catalog.host(a.client_addr), 'pid ' || w.pid) AS standby,
       pg_catalog.host(a.client_addr) AS client, w.state,
       pg_catalog.pg_wal_lsn_diff(p.at, w.sent_lsn)::bigint AS unsent,
       pg_catalog.pg_wal_lsn_diff(w.sent_lsn, w.flush_lsn)::bigint AS unflushed,
       pg_catalog.pg_wal_lsn_diff(w.flush_lsn, w.replay_lsn)::bigint AS unreplayed,
       pg_catalog.pg_wal_lsn_diff(p.at, w.replay_lsn)::bigint AS lag_bytes,
       CASE WHEN w.replay_lsn < p.at THEN pg_catalog.date_part('epoch', w.replay_lag) END AS lag_seconds,
       false AS itself, NULL::boolean AS paused, NULL::text AS receiver
  FROM pg_catalog.pg_stat_get_wal_senders() w
  JOIN pg_catalog.pg_stat_get_activity(NULL) a ON a.pid = w.pid
 CROSS JOIN (SELECT CASE WHEN pg_catalog.pg_is_in_recovery() THEN pg_catalog.pg_last_wal_receive_lsn()
                         ELSE pg_catalog.pg_current_wal_lsn() END AS at) p
 WHERE w.state IS DISTINCT FROM 'backup'
 UNION ALL
SELECT NULL, 'this standby', NULL, NULL, NULL, NULL,
       greatest(pg_catalog.pg_wal_lsn_diff(pg_catalog.pg_last_wal_receive_lsn(),
                                           pg_catalog.pg_last_wal_replay_lsn()), 0)::bigint,
       greatest(pg_catalog.pg_wal_lsn_diff(pg_catalog.pg_last_wal_receive_lsn(),
                                           pg_catalog.pg_last_wal_replay_lsn()), 0)::bigint,
       CASE WHEN pg_catalog.pg_last_wal_receive_lsn() = pg_catalog.pg_last_wal_replay_lsn() THEN 0
            ELSE pg_catalog.date_part('epoch', pg_catalog.clock_timestamp()
                                      - pg_catalog.pg_last_xact_replay_timestamp()) END,
       true, CASE WHEN pg_catalog.pg_is_in_recovery() THEN pg_catalog.pg_is_wal_replay_paused() END,
       (SELECT r.status FROM pg_catalog.pg_stat_get_wal_receiver() r)
 WHERE pg_catalog.pg_is_in_recovery()
