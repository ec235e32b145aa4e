-- A server as its replication partners are compared with it: what it replays, up to where, from whom, and its limits.
SELECT s.system_identifier::text AS system_identifier, r.recovering AS standby,
       pg_catalog.date_part('epoch', pg_catalog.pg_postmaster_start_time())::float8 AS started,
       pg_catalog.host(pg_catalog.inet_server_addr()) AS address,
       CASE WHEN r.recovering THEN coalesce(w.received_tli, greatest(c.timeline_id, m.min_recovery_end_timeline))
            ELSE ('x' || pg_catalog.substr(pg_catalog.pg_walfile_name(r.position), 1, 8))::bit(32)::integer
        END AS timeline,
       pg_catalog.pg_wal_lsn_diff(r.position, '0/0')::bigint AS position,
       pg_catalog.pg_wal_lsn_diff(r.replayed, '0/0')::bigint AS replayed,
       pg_catalog.pg_wal_lsn_diff(r.position, r.replayed)::bigint AS unreplayed,
       CASE WHEN r.recovering THEN pg_catalog.pg_get_wal_replay_pause_state() END AS replay,
       pg_catalog.date_part('epoch', n.at - pg_catalog.pg_last_xact_replay_timestamp()) AS replayed_age,
       w.pid AS receiver_pid, w.status AS receiver, w.sender_host, w.sender_port,
       pg_catalog.date_part('epoch', n.at - w.last_msg_receipt_time) AS message_age,
       coalesce(w.slot_name::text, nullif(pg_catalog.current_setting('primary_slot_name'), '')) AS slot,
       coalesce(pg_catalog.substring(w.conninfo, '(?:^| )application_name=([^ ]+)'),
                pg_catalog.substring(w.conninfo, '(?:^| )fallback_application_name=([^ ]+)')) AS application,
       g.streams, g.delay, f.manager,
       pg_catalog.current_setting('hot_standby_feedback') AS feedback,
       pg_catalog.current_setting('max_standby_streaming_delay') AS query_delay,
       pg_catalog.current_setting('max_connections')::integer AS max_connections,
       pg_catalog.current_setting('max_worker_processes')::integer AS max_worker_processes,
       pg_catalog.current_setting('max_wal_senders')::integer AS max_wal_senders,
       pg_catalog.current_setting('max_prepared_transactions')::integer AS max_prepared_transactions,
       pg_catalog.current_setting('max_locks_per_transaction')::integer AS max_locks_per_transaction,
       k.snapshots + k.locks + k.pins + k.deadlocks + k.tablespaces + k.slots AS conflicts, k.*
  FROM (SELECT pg_catalog.clock_timestamp() AS at) n
 CROSS JOIN (SELECT i.recovering, pg_catalog.pg_last_wal_replay_lsn() AS replayed,
                    CASE WHEN NOT i.recovering THEN pg_catalog.pg_current_wal_lsn()
                         ELSE greatest(pg_catalog.pg_last_wal_receive_lsn(), pg_catalog.pg_last_wal_replay_lsn())
                     END AS position
               FROM (SELECT pg_catalog.pg_is_in_recovery() AS recovering) i) r
 CROSS JOIN (SELECT pg_catalog.max(  -- who fails over, as its sessions are called
                      CASE WHEN a.application_name ILIKE 'patroni%%' THEN 'Patroni'
                           WHEN a.application_name ILIKE 'pgautofailover%%' THEN 'pg_auto_failover'
                           WHEN a.application_name ILIKE 'repmgr%%' THEN 'repmgr'
                           WHEN a.application_name ILIKE 'cnpg%%' THEN 'CloudNativePG' END) AS manager
               FROM pg_catalog.pg_stat_get_activity(NULL) a) f
 CROSS JOIN pg_catalog.pg_control_system() s
 CROSS JOIN pg_catalog.pg_control_checkpoint() c
 CROSS JOIN pg_catalog.pg_control_recovery() m
 CROSS JOIN (SELECT pg_catalog.bool_or(x.setting <> '') FILTER (WHERE x.name = 'primary_conninfo') AS streams,
                    pg_catalog.max(x.setting::float8 / 1000) FILTER (WHERE x.name = 'recovery_min_apply_delay') AS delay
               FROM pg_catalog.pg_show_all_settings() x
              WHERE x.name IN ('primary_conninfo', 'recovery_min_apply_delay')) g  -- streams is null where it is hidden
 CROSS JOIN (SELECT pg_catalog.sum(pg_catalog.pg_stat_get_db_conflict_snapshot(d.oid))::bigint AS snapshots,
                    pg_catalog.sum(pg_catalog.pg_stat_get_db_conflict_lock(d.oid))::bigint AS locks,
                    pg_catalog.sum(pg_catalog.pg_stat_get_db_conflict_bufferpin(d.oid))::bigint AS pins,
                    pg_catalog.sum(pg_catalog.pg_stat_get_db_conflict_startup_deadlock(d.oid))::bigint AS deadlocks,
                    pg_catalog.sum(pg_catalog.pg_stat_get_db_conflict_tablespace(d.oid))::bigint AS tablespaces,
                    pg_catalog.sum(pg_catalog.pg_stat_get_db_conflict_logicalslot(d.oid))::bigint AS slots  -- since 16
                    0::bigint AS slots  -- before 16
               FROM pg_catalog.pg_database d) k
  LEFT JOIN pg_catalog.pg_stat_get_wal_receiver() w ON w.pid IS NOT NULL
