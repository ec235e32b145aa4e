-- This standby: where its WAL comes from, how far it is behind, and whether its replay is paused; no row on a primary.
SELECT 1 AS one, r.pid, r.status AS receiver, r.sender_host, r.sender_port, r.slot_name::text AS slot,
       pg_catalog.pg_get_wal_replay_pause_state() AS replay,  -- before 19
       CASE WHEN v.promote_triggered THEN 'promoting' ELSE pg_catalog.pg_get_wal_replay_pause_state() END  -- since 19
         AS replay,  -- since 19
       pg_catalog.pg_get_wal_replay_pause_state() <> 'not paused' AS paused,
       p.received::text AS received, p.replayed::text AS replayed, l.lag_bytes,
       CASE WHEN l.lag_bytes = 0 THEN 0
            ELSE pg_catalog.date_part('epoch', n.at - pg_catalog.pg_last_xact_replay_timestamp()) END AS lag_seconds,
       pg_catalog.date_part('epoch', n.at - r.last_msg_receipt_time) AS message_age,
       NULL::integer AS timeline, NULL::float8 AS chunk_age, NULL::text AS reading,  -- before 19
       v.last_replayed_tli AS timeline, v.replay_end_lsn::text AS reading,  -- since 19
       pg_catalog.date_part('epoch', n.at - v.current_chunk_start_time) AS chunk_age,  -- since 19
       pg_catalog.current_setting('recovery_min_apply_delay') AS apply_delay,
       pg_catalog.current_setting('max_standby_streaming_delay') AS query_delay,
       pg_catalog.current_setting('hot_standby_feedback') AS feedback
  FROM (SELECT pg_catalog.clock_timestamp() AS at) n
 CROSS JOIN (SELECT pg_catalog.pg_last_wal_receive_lsn() AS received,
                    pg_catalog.pg_last_wal_replay_lsn() AS replayed) p
 CROSS JOIN LATERAL (
       SELECT greatest(pg_catalog.pg_wal_lsn_diff(p.received, p.replayed), 0)::bigint AS lag_bytes) l
  LEFT JOIN pg_catalog.pg_stat_get_wal_receiver() r ON true
  LEFT JOIN pg_catalog.pg_stat_get_recovery() v ON v.promote_triggered IS NOT NULL  -- since 19
 WHERE pg_catalog.pg_is_in_recovery()
