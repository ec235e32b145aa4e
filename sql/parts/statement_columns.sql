SELECT s.queryid, s.userid::bigint AS userid, s.dbid::bigint AS dbid, s.calls,
       d.datname::text AS database, pg_catalog.pg_get_userbyid(s.userid)::text AS "user", s.toplevel,
       s.total_ms, s.mean_ms, s.max_ms, s.stddev_ms, s.rows, s.hits, s.hits + s.reads AS blocks, s.read_ms,
       (s.temp_read + s.temp_written) * b.size AS temp_bytes, s.wal_bytes::bigint AS wal_bytes,
       i.dealloc AS evictions, i.at AS counted_from  -- since 1.9
       NULL::bigint AS evictions, NULL::double precision AS counted_from  -- before 1.9
  FROM (SELECT x.queryid, x.userid, x.dbid, x.calls,
               x.toplevel,  -- since 1.9
               true AS toplevel,  -- before 1.9
               x.total_exec_time AS total_ms, x.mean_exec_time AS mean_ms, x.max_exec_time AS max_ms,  -- since 1.8
               x.stddev_exec_time AS stddev_ms, x.wal_bytes,  -- since 1.8
               x.total_time AS total_ms, x.mean_time AS mean_ms, x.max_time AS max_ms,  -- before 1.8
               x.stddev_time AS stddev_ms, NULL::bigint AS wal_bytes,  -- before 1.8
               x.blk_read_time AS read_ms,  -- before 1.10
               x.blk_read_time + x.temp_blk_read_time AS read_ms,  -- since 1.10 before 1.11
               x.shared_blk_read_time + x.local_blk_read_time + x.temp_blk_read_time AS read_ms,  -- since 1.11
               x.rows, x.shared_blks_hit AS hits, x.shared_blks_read AS reads,
               x.temp_blks_read AS temp_read, x.temp_blks_written AS temp_written
          FROM @extschema@.pg_stat_statements(false) x
