-- I/O by backend type, object and context, as counters since the last reset.
-- Bytes are the number of operations times op_bytes before 18, which counts bytes itself; an operation may then cover
-- many blocks. Times are NULL while they are not measured, and hits where there is no cache.
SELECT s.backend_type, s.object, s.context, s.reads, s.writes, s.writebacks, s.extends, s.hits, s.evictions, s.reuses,
       s.fsyncs, b.read AS read_bytes, b.written AS write_bytes, b.extended AS extend_bytes,
       coalesce(b.read, 0) + coalesce(b.written, 0) + coalesce(b.extended, 0) AS bytes,
       CASE WHEN s.hits IS NOT NULL THEN s.hits + coalesce(b.read, 0) / t.block END AS lookups,
       CASE WHEN t.timed THEN s.read_time END AS read_ms, CASE WHEN t.timed THEN s.write_time END AS write_ms,
       CASE WHEN t.timed THEN s.extend_time END AS extend_ms, CASE WHEN t.timed THEN s.fsync_time END AS fsync_ms,
       CASE WHEN t.timed THEN coalesce(s.read_time, 0) + coalesce(s.write_time, 0) + coalesce(s.writeback_time, 0)
                              + coalesce(s.extend_time, 0) + coalesce(s.fsync_time, 0) END AS io_ms,
       t.timed, pg_catalog.date_part('epoch', s.stats_reset) AS counted_from
  FROM pg_catalog.pg_stat_get_io() s
 CROSS JOIN LATERAL (
       SELECT (s.reads * s.op_bytes)::bigint AS read,  -- before 18
              (s.writes * s.op_bytes)::bigint AS written,  -- before 18
              (s.extends * s.op_bytes)::bigint AS extended  -- before 18
       SELECT s.read_bytes::bigint AS read,  -- since 18
              s.write_bytes::bigint AS written,  -- since 18
              s.extend_bytes::bigint AS extended  -- since 18
       ) b
 CROSS JOIN LATERAL (
       SELECT pg_catalog.current_setting('block_size')::bigint AS block,
              pg_catalog.current_setting('track_io_timing')::bool AS timed  -- before 18
              pg_catalog.current_setting(  -- since 18
                CASE s.object WHEN 'wal' THEN 'track_wal_io_timing'  -- since 18
                     ELSE 'track_io_timing' END)::bool AS timed  -- since 18
       ) t
 ORDER BY bytes DESC
