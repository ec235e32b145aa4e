-- Tables that VACUUM or ANALYZE is due for, as autovacuum itself scores them, with what may keep it from running.
-- A score is the share of its threshold times the weight that is set for it; where a weight is 0 there is no share, and
-- whether a VACUUM or ANALYZE is due is all that is known.
-- Of the dead tuples a VACUUM could now remove none if the oldest snapshot was taken before the last VACUUM, and all if
-- there is no snapshot or it is less than a second old; else that is unknown: NULL.
WITH setting AS MATERIALIZED (
  SELECT pg_catalog.clock_timestamp() AS at,
         pg_catalog.current_setting('autovacuum')::bool AND pg_catalog.current_setting('track_counts')::bool AS enabled,
         nullif(pg_catalog.current_setting('autovacuum_vacuum_score_weight')::float8, 0) AS dead,
         nullif(pg_catalog.current_setting('autovacuum_vacuum_insert_score_weight')::float8, 0) AS inserts,
         nullif(pg_catalog.current_setting('autovacuum_analyze_score_weight')::float8, 0) AS analyze,
         nullif(pg_catalog.current_setting('autovacuum_freeze_score_weight')::float8, 0) AS xids,
         nullif(pg_catalog.current_setting('autovacuum_multixact_freeze_score_weight')::float8, 0) AS mxids,
         pg_catalog.current_setting('autovacuum_max_workers')::integer AS workers,
         pg_catalog.current_setting('block_size')::bigint AS block
), session AS MATERIALIZED (
  SELECT * FROM pg_catalog.pg_stat_get_activity(NULL)
), running AS MATERIALIZED (
  SELECT v.pid, v.relid FROM pg_catalog.pg_stat_get_progress_info('VACUUM') v
), pin AS MATERIALIZED (
  SELECT p.* FROM (
    SELECT 'pid ' || pg_catalog.concat_ws(' ', s.pid, nullif(s.application_name, '')) AS name, s.xact_start AS began,
           greatest(pg_catalog.age(s.backend_xmin), pg_catalog.age(s.backend_xid)) AS age
      FROM session s
      JOIN pg_catalog.pg_database d ON d.oid = s.datid AND d.datname = pg_catalog.current_database()
     WHERE s.pid <> pg_catalog.pg_backend_pid() AND s.pid NOT IN (SELECT r.pid FROM running r)
    UNION ALL
    SELECT 'prepared ' || t.gid, t.prepared, pg_catalog.age(t.transaction)
      FROM pg_catalog.pg_prepared_xact() t
      JOIN pg_catalog.pg_database d ON d.oid = t.dbid AND d.datname = pg_catalog.current_database()
    UNION ALL
    SELECT 'slot ' || l.slot_name, NULL, pg_catalog.age(l.xmin)
      FROM pg_catalog.pg_get_replication_slots() l WHERE l.wal_status IS DISTINCT FROM 'lost'
    UNION ALL
    SELECT 'standby ' || pg_catalog.concat_ws(' ', s.pid, nullif(s.application_name, '')), NULL,
           pg_catalog.age(s.backend_xmin)
      FROM session s WHERE s.backend_type = 'walsender'
  ) p
   WHERE p.age IS NOT NULL
   ORDER BY p.age DESC, p.began LIMIT 1
), share AS MATERIALIZED (
  SELECT c.oid, c.relkind, c.relpages, c.reloptions, c.main, v.do_vacuum, v.do_analyze, v.score,
         pg_catalog.pg_stat_get_dead_tuples(c.oid) AS dead,
         pg_catalog.pg_stat_get_ins_since_vacuum(c.oid) AS inserted,
         pg_catalog.pg_stat_get_mod_since_analyze(c.oid) AS modified,
         coalesce(c.enabled, true) AS enabled, 100 * v.vacuum_score / g.dead AS dead_pct,
         CASE WHEN c.counts_inserts THEN 100 * v.vacuum_insert_score / g.inserts END AS insert_pct,
         CASE WHEN c.relkind <> 't' AND c.oid <> 'pg_catalog.pg_statistic'::regclass
              THEN coalesce(100 * v.analyze_score / g.analyze, CASE WHEN v.do_analyze THEN 100 END) END AS analyze_pct,
         greatest(100 * v.xid_score / g.xids, 100 * v.mxid_score / g.mxids,
                  CASE WHEN v.for_wraparound THEN 100 END) AS freeze_pct
    FROM pg_catalog.pg_stat_get_autovacuum_scores() v
   CROSS JOIN setting g
    JOIN (
         SELECT c.*, m.oid AS main, x.*
           FROM pg_catalog.pg_class c
           LEFT JOIN pg_catalog.pg_class m ON c.relkind = 't' AND m.reltoastrelid = c.oid
          CROSS JOIN LATERAL (
                SELECT pg_catalog.max(o.v) FILTER (WHERE o.n = 'autovacuum_enabled')::bool AS enabled,
                       coalesce(pg_catalog.max(o.v)
                         FILTER (WHERE o.n = 'autovacuum_vacuum_insert_threshold')::float8,
                         pg_catalog.current_setting('autovacuum_vacuum_insert_threshold')::float8) >= 0
                         AS counts_inserts
                  FROM pg_catalog.pg_options_to_table(coalesce(c.reloptions, m.reloptions)) o(n, v)) x
          WHERE c.relkind IN ('r', 'm', 't') AND c.relpersistence <> 't') c ON c.oid = v.oid
), ranked AS MATERIALIZED (
  SELECT s.*, greatest(s.dead_pct, s.insert_pct, CASE WHEN s.freeze_pct >= 100 THEN s.freeze_pct END,
                       CASE WHEN s.do_vacuum THEN 100 END) AS due_pct
    FROM share s
   WHERE s.dead > 0 OR s.inserted > 0 OR s.modified > 0 OR s.freeze_pct > 100
   ORDER BY greatest(s.dead_pct, s.insert_pct, s.analyze_pct, CASE WHEN s.freeze_pct >= 100 THEN s.freeze_pct END) DESC
   LIMIT 500
)
SELECT r.oid::bigint AS oid, n.nspname || '.' || c.relname AS "table", r.relkind = 't' AS toast,
       r.due_pct, CASE r.due_pct WHEN r.freeze_pct THEN 'freezing' WHEN r.dead_pct THEN 'dead tuples'
                                 ELSE 'inserts' END AS due_for,
       r.dead_pct, r.insert_pct, r.freeze_pct, r.analyze_pct, r.score, r.dead, r.inserted, r.modified,
       r.relpages * g.block AS estimated_size, g.enabled AS server_enabled, r.enabled,
       CASE WHEN p.began < l.vacuumed THEN 0
            WHEN p.name IS NULL OR p.began > g.at - '1 s'::interval THEN r.dead END AS removable, p.name AS pinned_by,
       pg_catalog.date_part('epoch', g.at - l.vacuumed) AS vacuum_age,
       pg_catalog.date_part('epoch', g.at - greatest(pg_catalog.pg_stat_get_last_analyze_time(r.oid),
                                                     pg_catalog.pg_stat_get_last_autoanalyze_time(r.oid)))
         AS analyze_age,
       (SELECT v.pid FROM running v WHERE v.relid IN (r.oid, c.oid) LIMIT 1) AS running,
       h.pid AS locked_by, b.busy >= g.workers AS workers_busy,
       pg_catalog.array_to_string(r.reloptions, ', ') AS options,
       CASE WHEN c.relisshared THEN 'shared' WHEN n.nspname = 'pg_catalog' THEN 'catalog' ELSE 'data' END AS scope
  FROM ranked r
 CROSS JOIN setting g
 CROSS JOIN (SELECT pg_catalog.count(*) AS busy FROM session s WHERE s.backend_type = 'autovacuum worker') b
 CROSS JOIN LATERAL (
       SELECT greatest(pg_catalog.pg_stat_get_last_vacuum_time(r.oid),
                       pg_catalog.pg_stat_get_last_autovacuum_time(r.oid)) AS vacuumed) l
  JOIN pg_catalog.pg_class c ON c.oid = coalesce(r.main, r.oid)
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  LEFT JOIN pin p ON true
  LEFT JOIN (
       SELECT x.relation, pg_catalog.min(x.pid) AS pid
         FROM pg_catalog.pg_locks x
        WHERE x.locktype = 'relation' AND x.granted
          AND x.mode IN ('ShareUpdateExclusiveLock', 'ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock',
                         'AccessExclusiveLock')
          AND x.database = (SELECT d.oid FROM pg_catalog.pg_database d
                             WHERE d.datname = pg_catalog.current_database())
          AND x.pid NOT IN (SELECT v.pid FROM running v)
        GROUP BY x.relation) h ON h.relation = r.oid
