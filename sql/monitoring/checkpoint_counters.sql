-- Checkpoints by their reason, the WAL written, and the settings that decide how much WAL lies between two checkpoints.
SELECT
       pg_catalog.pg_stat_get_bgwriter_timed_checkpoints() AS timed,  -- before 17
       pg_catalog.pg_stat_get_bgwriter_requested_checkpoints() AS requested,  -- before 17
       pg_catalog.pg_stat_get_checkpointer_num_timed() AS timed,  -- since 17
       pg_catalog.pg_stat_get_checkpointer_num_requested() AS requested,  -- since 17
       CASE WHEN NOT pg_catalog.pg_is_in_recovery()
            THEN pg_catalog.pg_wal_lsn_diff(pg_catalog.pg_current_wal_insert_lsn(), '0/0')::bigint END AS wal_bytes,
       pg_catalog.pg_size_bytes(pg_catalog.current_setting('max_wal_size')) AS max_wal_size,
       pg_catalog.date_part('epoch', pg_catalog.current_setting('checkpoint_timeout')::interval) AS timeout,
       pg_catalog.current_setting('checkpoint_completion_target')::float8 AS completion_target
