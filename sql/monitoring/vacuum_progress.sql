-- Running VACUUM commands: phase, share of the table scanned, passes over the indexes, who started them.
SELECT p.pid, a.backend_start::text AS backend_start, a.query_start::text AS statement_start,
       a.xact_start::text AS transaction_start, p.datname::text AS database,
       coalesce(n.nspname || '.' || c.relname, 'relation ' || p.relid::text) AS "table",
       p.phase, p.heap_blks_total, p.heap_blks_scanned, p.heap_blks_vacuumed,
       100.0::float8 * p.heap_blks_scanned / nullif(p.heap_blks_total, 0) AS scanned_pct,
       100.0::float8 * p.heap_blks_vacuumed / nullif(p.heap_blks_total, 0) AS vacuumed_pct,
       p.index_vacuum_count AS index_rounds,
       100.0::float8 * p.num_dead_tuples / nullif(p.max_dead_tuples, 0) AS memory_pct,  -- before 17
       100.0::float8 * p.dead_tuple_bytes / nullif(p.max_dead_tuple_bytes, 0) AS memory_pct,  -- since 17
       NULL::text AS indexes_done,  -- before 17
       CASE WHEN p.indexes_total > 0 THEN p.indexes_processed || '/'  -- since 17
           || p.indexes_total END AS indexes_done,  -- since 17
       p.heap_blks_total * pg_catalog.current_setting('block_size')::bigint AS size,
       pg_catalog.date_part('epoch', pg_catalog.clock_timestamp() - a.xact_start) AS age,
       CASE WHEN a.backend_type = 'autovacuum worker' THEN
              CASE WHEN a.query LIKE '%%(to prevent wraparound)' THEN 'auto, wraparound' ELSE 'auto' END
            WHEN a.backend_type IS NULL THEN NULL ELSE 'manual' END AS kind,
       nullif(pg_catalog.concat_ws(':', a.wait_event_type, a.wait_event), '') AS wait
  FROM pg_catalog.pg_stat_progress_vacuum p
  LEFT JOIN pg_catalog.pg_stat_get_activity(p.pid) a ON true
  LEFT JOIN pg_catalog.pg_class c ON c.oid = p.relid AND p.datname = pg_catalog.current_database()
  LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
