-- How far the long command of one session is.
SELECT 'index: ' || phase AS phase, CASE WHEN blocks_total > 0 THEN blocks_done ELSE tuples_done END AS done,
       CASE WHEN blocks_total > 0 THEN blocks_total ELSE tuples_total END AS total
  FROM pg_catalog.pg_stat_progress_create_index WHERE pid = %(pid)s
UNION ALL
SELECT 'vacuum: ' || phase, heap_blks_scanned, heap_blks_total FROM pg_catalog.pg_stat_progress_vacuum
    WHERE pid = %(pid)s
UNION ALL
SELECT 'analyze: ' || phase, sample_blks_scanned, sample_blks_total FROM pg_catalog.pg_stat_progress_analyze
    WHERE pid = %(pid)s
UNION ALL
SELECT 'rewrite: ' || phase, CASE WHEN phase = 'seq scanning heap' THEN heap_blks_scanned END,
       CASE WHEN phase = 'seq scanning heap' THEN heap_blks_total END
  FROM pg_catalog.pg_stat_progress_cluster  -- before 19
  FROM pg_catalog.pg_stat_progress_repack  -- since 19
 WHERE pid = %(pid)s
UNION ALL
SELECT 'copy', bytes_processed, bytes_total FROM pg_catalog.pg_stat_progress_copy WHERE pid = %(pid)s
UNION ALL
SELECT a.wait_event_type || ':' || a.wait_event, NULL, NULL FROM pg_catalog.pg_stat_activity a
 WHERE a.pid = %(pid)s AND a.wait_event_type = 'Lock'
