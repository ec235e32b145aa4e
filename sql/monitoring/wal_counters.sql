-- WAL, checkpoints and the archiver as one row of counters; those of WAL since 14, of restartpoints since 17.
SELECT 1 AS one, w.wal_records AS records, w.wal_fpi AS images, w.wal_bytes::bigint AS wal_bytes,
       w.wal_buffers_full AS buffers_full,
       pg_catalog.pg_stat_get_bgwriter_timed_checkpoints() AS timed,  -- before 17
       pg_catalog.pg_stat_get_bgwriter_requested_checkpoints() AS requested,  -- before 17
       pg_catalog.pg_stat_get_bgwriter_buf_written_checkpoints() AS buffers,  -- before 17
       pg_catalog.pg_stat_get_checkpoint_write_time() AS write_ms,  -- before 17
       pg_catalog.pg_stat_get_checkpoint_sync_time() AS sync_ms,  -- before 17
       pg_catalog.pg_stat_get_checkpointer_num_timed() AS timed,  -- since 17
       pg_catalog.pg_stat_get_checkpointer_num_requested() AS requested,  -- since 17
       pg_catalog.pg_stat_get_checkpointer_buffers_written() AS buffers,  -- since 17
       pg_catalog.pg_stat_get_checkpointer_write_time() AS write_ms,  -- since 17
       pg_catalog.pg_stat_get_checkpointer_sync_time() AS sync_ms,  -- since 17
       pg_catalog.date_part('epoch', n.at - k.checkpoint_time) AS checkpoint_age,
       pg_catalog.current_setting('archive_mode') AS archive_mode, a.archived_count AS archived,
       a.failed_count AS failed, a.last_archived_wal, a.last_failed_wal,
       pg_catalog.date_part('epoch', n.at - a.last_archived_time) AS archived_age,
       pg_catalog.date_part('epoch', n.at - a.last_failed_time) AS failed_age,
       a.last_failed_time > coalesce(a.last_archived_time, '-infinity') AS failing,
       pg_catalog.date_part('epoch', n.at - coalesce(a.last_archived_time, a.stats_reset,
                                                     pg_catalog.pg_postmaster_start_time())) AS behind,
       pg_catalog.current_setting('max_wal_size') AS max_wal_size,
       pg_catalog.current_setting('checkpoint_timeout') AS checkpoint_timeout,
       pg_catalog.date_part('epoch', w.stats_reset) AS counted_from
  FROM pg_catalog.pg_stat_get_wal() w
 CROSS JOIN pg_catalog.pg_stat_get_archiver() a
 CROSS JOIN pg_catalog.pg_control_checkpoint() k
 CROSS JOIN (SELECT pg_catalog.clock_timestamp() AS at) n
