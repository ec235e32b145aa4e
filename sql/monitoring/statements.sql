-- The 500 statements with the highest total time since the last reset, as counters without their texts.
-- extension: pg_stat_statements
SELECT s.queryid, s.userid::bigint AS userid, s.dbid::bigint AS dbid, s.calls,
       (SELECT d.datname::text FROM pg_catalog.pg_database d WHERE d.oid = s.dbid) AS database,
       pg_catalog.pg_get_userbyid(s.userid)::text AS "user",
       s.toplevel AS toplevel,  -- since 1.9
       true AS toplevel,  -- before 1.9
       s.total_exec_time AS total_ms, s.mean_exec_time AS mean_ms, s.max_exec_time AS max_ms,  -- since 1.8
       s.stddev_exec_time AS stddev_ms,  -- since 1.8
       s.total_time AS total_ms, s.mean_time AS mean_ms, s.max_time AS max_ms,  -- before 1.8
       s.stddev_time AS stddev_ms,  -- before 1.8
       s.rows, s.shared_blks_hit AS hits, s.shared_blks_hit + s.shared_blks_read AS blocks,
       s.blk_read_time AS read_ms,  -- before 1.10
       s.blk_read_time + s.temp_blk_read_time AS read_ms,  -- since 1.10 before 1.11
       s.shared_blk_read_time + s.local_blk_read_time + s.temp_blk_read_time AS read_ms,  -- since 1.11
       (s.temp_blks_read + s.temp_blks_written) * b.size AS temp_bytes,
       s.wal_bytes::bigint AS wal_bytes,  -- since 1.8
       NULL::bigint AS wal_bytes,  -- before 1.8
       i.dealloc AS evictions, i.at AS counted_from,  -- since 1.9
       NULL::bigint AS evictions, NULL::double precision AS counted_from,  -- before 1.9
       pg_catalog.sum(s.total_exec_time) OVER () AS all_ms,  -- since 1.8
       pg_catalog.sum(s.total_time) OVER () AS all_ms,  -- before 1.8
       pg_catalog.count(*) OVER () AS known
  FROM @extschema@.pg_stat_statements(false) s
 CROSS JOIN (SELECT pg_catalog.current_setting('block_size')::bigint AS size) b
 CROSS JOIN (SELECT i.dealloc, pg_catalog.date_part('epoch', i.stats_reset) AS at  -- since 1.9
               FROM @extschema@.pg_stat_statements_info i) i  -- since 1.9
 ORDER BY total_ms DESC
 LIMIT 500
