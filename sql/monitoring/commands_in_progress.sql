-- Commands that report their progress: phase, what of the phase is done, since when they run and for whom they wait.
-- `done` and `total` count what `unit` names, bytes or other things, and are NULL in a phase that reports neither.
-- pg_blocking_pids() stops the lock manager for a moment, so only the few that wait for a lock are asked about. REPACK
-- (CONCURRENTLY) waits through its decoding worker, which no view joins to it: the first that began after it.
WITH block AS MATERIALIZED (
  SELECT pg_catalog.current_setting('block_size')::bigint AS size
), command AS MATERIALIZED (
  SELECT v.pid, v.datid, v.relid, 'VACUUM' AS command, v.phase, 'bytes' AS unit,
         CASE v.phase WHEN 'scanning heap' THEN v.heap_blks_scanned * b.size
                      WHEN 'vacuuming heap' THEN v.heap_blks_vacuumed * b.size END AS done,
         CASE WHEN v.phase IN ('scanning heap', 'vacuuming heap') THEN v.heap_blks_total * b.size END AS total,
         CASE WHEN v.index_vacuum_count > 0 THEN 'index passes: ' || v.index_vacuum_count END AS more
    FROM pg_catalog.pg_stat_progress_vacuum v CROSS JOIN block b
  UNION ALL
  SELECT a.pid, a.datid, coalesce(nullif(a.current_child_table_relid, 0), a.relid), 'ANALYZE', a.phase,
         CASE WHEN a.phase = 'computing extended statistics' THEN 'statistics' ELSE 'bytes' END,
         CASE WHEN a.phase LIKE 'acquiring %%' THEN a.sample_blks_scanned * b.size
              WHEN a.phase = 'computing extended statistics' THEN a.ext_stats_computed END,
         CASE WHEN a.phase LIKE 'acquiring %%' THEN a.sample_blks_total * b.size
              WHEN a.phase = 'computing extended statistics' THEN a.ext_stats_total END,
         CASE WHEN a.child_tables_total > 0
              THEN 'partitions: ' || a.child_tables_done || ' of ' || a.child_tables_total END
    FROM pg_catalog.pg_stat_progress_analyze a CROSS JOIN block b
  UNION ALL
  SELECT r.pid, r.datid, r.relid, r.command, r.phase, 'bytes',
         CASE WHEN r.phase = 'seq scanning heap' THEN r.heap_blks_scanned * b.size END,
         CASE WHEN r.phase = 'seq scanning heap' THEN r.heap_blks_total * b.size END,
         pg_catalog.concat_ws(', ', CASE WHEN r.heap_tuples_updated + r.heap_tuples_deleted > 0  -- since 19
           THEN 'changes applied: ' || r.heap_tuples_updated + r.heap_tuples_deleted END,  -- since 19
         CASE WHEN r.index_rebuild_count > 0 THEN 'indexes rebuilt: ' || r.index_rebuild_count
              WHEN r.heap_tuples_scanned > 0 THEN 'rows read: ' || r.heap_tuples_scanned END
         )  -- since 19
    FROM pg_catalog.pg_stat_progress_cluster r CROSS JOIN block b  -- before 19
    FROM pg_catalog.pg_stat_progress_repack r CROSS JOIN block b  -- since 19
  UNION ALL
  -- The counts of blocks stay as they were after the phase that scans the table, those of rows begin after it.
  SELECT i.pid, i.datid, i.relid, i.command, i.phase,
         CASE WHEN i.phase LIKE 'waiting %%' THEN 'sessions' WHEN i.tuples_total > 0 THEN 'rows' ELSE 'bytes' END,
         CASE WHEN i.phase LIKE 'waiting %%' THEN i.lockers_done WHEN i.tuples_total > 0 THEN i.tuples_done
              WHEN i.phase ~ '(scanning|^building index$)' AND i.blocks_total > 0 THEN i.blocks_done * b.size END,
         CASE WHEN i.phase LIKE 'waiting %%' THEN i.lockers_total WHEN i.tuples_total > 0 THEN i.tuples_total
              WHEN i.phase ~ '(scanning|^building index$)' AND i.blocks_total > 0 THEN i.blocks_total * b.size END,
         CASE WHEN i.partitions_total > 0
              THEN 'partitions: ' || i.partitions_done || ' of ' || i.partitions_total END
    FROM pg_catalog.pg_stat_progress_create_index i CROSS JOIN block b
  UNION ALL
  SELECT k.pid, NULL, NULL, 'base backup', k.phase, 'bytes',
         CASE WHEN k.phase = 'streaming database files' THEN k.backup_streamed END,
         CASE WHEN k.phase = 'streaming database files' THEN k.backup_total END,
         CASE WHEN k.tablespaces_total > 1
              THEN 'tablespaces: ' || k.tablespaces_streamed || ' of ' || k.tablespaces_total END
    FROM pg_catalog.pg_stat_progress_basebackup k
  UNION ALL
  SELECT c.pid, c.datid, nullif(c.relid, 0), c.command, pg_catalog.lower(c.type), 'bytes',
         c.bytes_processed, nullif(c.bytes_total, 0), 'rows: ' || c.tuples_processed
    FROM pg_catalog.pg_stat_progress_copy c
)
SELECT c.pid, s.backend_start::text AS backend_start, s.query_start::text AS statement_start,
       s.xact_start::text AS transaction_start, c.command, c.phase, c.phase IS NULL AS concealed,
       CASE WHEN t.oid IS NOT NULL THEN n.nspname || '.' || t.relname ELSE 'relation ' || c.relid END AS "table",
       c.unit, c.done, c.total, 100.0::float8 * c.done / nullif(c.total, 0) AS done_pct, c.more,
       pg_catalog.date_part('epoch', pg_catalog.clock_timestamp()
                            - coalesce(s.query_start, s.xact_start, s.backend_start)) AS age,
       w.waits_for, w.wait_age, nullif(pg_catalog.concat_ws(':', s.wait_event_type, s.wait_event), '') AS wait,
       CASE WHEN s.backend_type IS DISTINCT FROM 'autovacuum worker' THEN 'manual'
            WHEN s.query LIKE '%%(to prevent wraparound)' THEN 'auto, wraparound' ELSE 'auto' END AS kind,
       pg_catalog.pg_get_userbyid(s.usesysid)::text AS "user", nullif(s.application_name, '') AS application,
       d.datname::text AS database, pg_catalog.substring(pg_catalog.textsend(s.query), 1, 200) AS query
  FROM command c
  LEFT JOIN pg_catalog.pg_stat_get_activity(NULL) s ON s.pid = c.pid
  LEFT JOIN pg_catalog.pg_database d ON d.oid = c.datid
  LEFT JOIN pg_catalog.pg_class t ON t.oid = c.relid AND d.datname = pg_catalog.current_database()
  LEFT JOIN pg_catalog.pg_namespace n ON n.oid = t.relnamespace
  LEFT JOIN LATERAL (  -- since 19
       SELECT x.pid FROM pg_catalog.pg_stat_get_activity(NULL) x  -- since 19
        WHERE x.backend_type = 'REPACK decoding worker' AND x.datid = c.datid  -- since 19
          AND x.wait_event_type = 'Lock' AND x.backend_start >= s.query_start  -- since 19
        ORDER BY x.backend_start LIMIT 1) k ON c.command = 'REPACK' AND c.phase = 'initializing'  -- since 19
 CROSS JOIN LATERAL (SELECT c.pid, s.wait_event_type = 'Lock' AS waits) q  -- before 19
 CROSS JOIN LATERAL (  -- since 19
       SELECT coalesce(k.pid, c.pid) AS pid, k.pid IS NOT NULL OR s.wait_event_type = 'Lock' AS waits) q  -- since 19
  LEFT JOIN LATERAL (
       SELECT (SELECT pg_catalog.string_agg(CASE WHEN h.pid = 0 THEN 'prepared transaction' ELSE h.pid::text END
                                            || coalesce(' ' || nullif(x.application_name, ''), ''), ', ')
                 FROM pg_catalog.unnest(pg_catalog.pg_blocking_pids(q.pid)) h(pid)
                 LEFT JOIN pg_catalog.pg_stat_get_activity(h.pid) x ON h.pid > 0) AS waits_for,
              (SELECT pg_catalog.date_part('epoch', pg_catalog.clock_timestamp() - pg_catalog.min(l.waitstart))
                 FROM pg_catalog.pg_locks l WHERE l.pid = q.pid AND NOT l.granted) AS wait_age
        ) w ON q.waits
