-- Statements since the last reset, as counters without their texts.
-- Nothing here changes of itself, so a row that equals that of the last reading has not run meanwhile.
-- extension: pg_stat_statements
SELECT s.queryid, s.userid::bigint AS userid, s.dbid::bigint AS dbid, true AS toplevel, s.calls,
       s.total_time AS total_ms, s.mean_time AS mean_ms, s.max_time AS max_ms, s.stddev_time AS stddev_ms,
       s.rows, s.shared_blks_hit AS hits, s.shared_blks_hit + s.shared_blks_read AS blocks,
       s.blk_read_time AS read_ms,
       (s.temp_blks_read + s.temp_blks_written) * b.size AS temp_bytes,
       NULL::bigint AS wal_bytes,
       NULL::bigint AS evictions, NULL::double precision AS counted_from
  FROM @extschema@.pg_stat_statements(false) s
 CROSS JOIN (SELECT pg_catalog.current_setting('block_size')::bigint AS size) b
