-- Bytes of WAL a second, on average since the last reset of the counters; NULL until they cover an hour.
SELECT (w.wal_bytes / CASE WHEN s.seconds >= 3600 THEN s.seconds END)::float8 AS bytes_per_second
  FROM pg_catalog.pg_stat_wal w
 CROSS JOIN LATERAL (SELECT pg_catalog.date_part('epoch', pg_catalog.now() - w.stats_reset)::numeric AS seconds) s
