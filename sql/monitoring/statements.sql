-- The 500 heaviest statements since the last reset, as counters without their texts.
-- extension: pg_stat_statements
SELECT s.queryid, s.userid::bigint AS userid, s.dbid::bigint AS dbid, true AS toplevel, s.calls,
       s.total_time AS total_ms, s.mean_time AS mean_ms, s.max_time AS max_ms, s.stddev_time AS stddev_ms,
       s.rows, s.shared_blks_hit AS hits, s.shared_blks_hit + s.shared_blks_read AS blocks,
       s.blk_read_time AS read_ms,
       (s.temp_blks_read + s.temp_blks_written) * b.size AS temp_bytes,
       NULL::bigint AS wal_bytes,
       NULL::bigint AS evictions, NULL::double precision AS counted_from,
       pg_catalog.sum(s.total_time) OVER () AS all_ms, pg_catalog.count(*) OVER () AS known
  FROM @extschema@.pg_stat_statements(false) s
 CROSS JOIN (SELECT pg_catalog.current_setting('block_size')::bigint AS size) b
 ORDER BY s.total_time DESC
 LIMIT 500
