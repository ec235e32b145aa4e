-- The 500 heaviest statements since the last reset, as counters without their texts.
-- extension: pg_stat_statements
SELECT s.queryid, s.userid::bigint AS userid, s.dbid::bigint AS dbid, s.toplevel AS toplevel, s.calls,
       s.total_exec_time AS total_ms, s.mean_exec_time AS mean_ms, s.max_exec_time AS max_ms, s.stddev_exec_time AS stddev_ms,
       s.rows, s.shared_blks_hit AS hits, s.shared_blks_hit + s.shared_blks_read AS blocks,
       s.blk_read_time AS read_ms,
       (s.temp_blks_read + s.temp_blks_written) * b.size AS temp_bytes,
       s.wal_bytes::bigint AS wal_bytes,
       i.dealloc AS evictions, i.at AS counted_from,
       pg_catalog.sum(s.total_exec_time) OVER () AS all_ms, pg_catalog.count(*) OVER () AS known
  FROM @extschema@.pg_stat_statements(false) s
 CROSS JOIN (SELECT pg_catalog.current_setting('block_size')::bigint AS size) b
 CROSS JOIN (SELECT i.dealloc, pg_catalog.date_part('epoch', i.stats_reset) AS at
               FROM @extschema@.pg_stat_statements_info i) i
 ORDER BY s.total_exec_time DESC
 LIMIT 500
