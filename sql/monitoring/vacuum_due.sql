-- Tables that VACUUM or ANALYZE is due for, by autovacuum's own thresholds, with what may keep it from running.
-- A TOAST table counts by itself and follows the options of its table where it has none.
-- Of the dead tuples a VACUUM could now remove none if the oldest snapshot was taken before the last VACUUM, and all if
-- there is no snapshot or it is less than a second old; else that is unknown: NULL.
WITH setting AS MATERIALIZED (
  SELECT pg_catalog.clock_timestamp() AS at,
         pg_catalog.current_setting('autovacuum')::bool AND pg_catalog.current_setting('track_counts')::bool AS enabled,
         pg_catalog.current_setting('autovacuum_vacuum_threshold')::float8 AS base,
         pg_catalog.current_setting('autovacuum_vacuum_scale_factor')::float8 AS scale,
         nullif(pg_catalog.current_setting('autovacuum_vacuum_max_threshold', true), '-1')::float8 AS most,
         pg_catalog.current_setting('autovacuum_vacuum_insert_threshold')::float8 AS insert_base,
         pg_catalog.current_setting('autovacuum_vacuum_insert_scale_factor')::float8 AS insert_scale,
         pg_catalog.current_setting('autovacuum_analyze_threshold')::float8 AS analyze_base,
         pg_catalog.current_setting('autovacuum_analyze_scale_factor')::float8 AS analyze_scale,
         pg_catalog.current_setting('autovacuum_freeze_max_age')::float8 AS freeze,
         pg_catalog.current_setting('autovacuum_multixact_freeze_max_age')::float8 AS multi,
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
), counted AS MATERIALIZED (
  SELECT c.oid, c.relkind, c.relpages, c.reltuples, c.reloptions, pg_catalog.age(c.relfrozenxid)::float8 AS xid_age,
         pg_catalog.mxid_age(c.relminmxid)::float8 AS mxid_age,
         pg_catalog.pg_stat_get_dead_tuples(c.oid) AS dead, pg_catalog.pg_stat_get_live_tuples(c.oid) AS live,
         pg_catalog.pg_stat_get_ins_since_vacuum(c.oid) AS inserted,
         pg_catalog.pg_stat_get_mod_since_analyze(c.oid) AS modified,
         1 - least(c.relallfrozen, c.relpages)::float8 / greatest(c.relpages, 1) AS unfrozen  -- since 18
         1::float8 AS unfrozen  -- before 18
    FROM pg_catalog.pg_class c CROSS JOIN setting g
   WHERE c.relkind IN ('r', 'm', 't') AND c.relpersistence <> 't'
     AND (pg_catalog.pg_stat_get_dead_tuples(c.oid) > 0 OR pg_catalog.pg_stat_get_ins_since_vacuum(c.oid) > 0
          OR pg_catalog.pg_stat_get_mod_since_analyze(c.oid) > 0 OR pg_catalog.age(c.relfrozenxid) > g.freeze
          OR pg_catalog.mxid_age(c.relminmxid) > g.multi
          OR pg_catalog.array_to_string(c.reloptions, ',') LIKE '%%freeze_max_age=%%')
), share AS MATERIALIZED (
  SELECT c.*, m.oid AS main, coalesce(o.enabled, m.enabled, true) AS enabled,
         100 * c.dead / greatest(1, least(coalesce(o.base, m.base, g.base)
           + coalesce(o.scale, m.scale, g.scale) * greatest(c.reltuples, 0),
           coalesce(nullif(coalesce(o.most, m.most), -1), g.most))) AS dead_pct,
         CASE WHEN coalesce(o.insert_base, m.insert_base, g.insert_base) >= 0
              THEN 100 * c.inserted / greatest(1, coalesce(o.insert_base, m.insert_base, g.insert_base)
                + coalesce(o.insert_scale, m.insert_scale, g.insert_scale) * greatest(c.reltuples, 0) * c.unfrozen) END
           AS insert_pct,
         CASE WHEN c.relkind <> 't' AND c.oid <> 'pg_catalog.pg_statistic'::regclass
              THEN 100 * c.modified / greatest(1, coalesce(o.analyze_base, g.analyze_base)
                + coalesce(o.analyze_scale, g.analyze_scale) * greatest(c.reltuples, 0)) END AS analyze_pct,
         greatest(100 * c.xid_age / least(coalesce(o.freeze, m.freeze), g.freeze),
                  100 * c.mxid_age / least(coalesce(o.multi, m.multi), g.multi)) AS freeze_pct
    FROM counted c CROSS JOIN setting g
   CROSS JOIN LATERAL (
         SELECT pg_catalog.max(x.v) FILTER (WHERE x.n = 'autovacuum_enabled')::bool AS enabled,
                pg_catalog.max(x.v) FILTER (WHERE x.n = 'autovacuum_vacuum_threshold')::float8 AS base,
                pg_catalog.max(x.v) FILTER (WHERE x.n = 'autovacuum_vacuum_scale_factor')::float8 AS scale,
                pg_catalog.max(x.v) FILTER (WHERE x.n = 'autovacuum_vacuum_max_threshold')::float8 AS most,
                pg_catalog.max(x.v) FILTER (WHERE x.n = 'autovacuum_vacuum_insert_threshold')::float8 AS insert_base,
                pg_catalog.max(x.v) FILTER (WHERE x.n = 'autovacuum_vacuum_insert_scale_factor')::float8
                  AS insert_scale,
                pg_catalog.max(x.v) FILTER (WHERE x.n = 'autovacuum_analyze_threshold')::float8 AS analyze_base,
                pg_catalog.max(x.v) FILTER (WHERE x.n = 'autovacuum_analyze_scale_factor')::float8 AS analyze_scale,
                pg_catalog.max(x.v) FILTER (WHERE x.n = 'autovacuum_freeze_max_age')::float8 AS freeze,
                pg_catalog.max(x.v) FILTER (WHERE x.n = 'autovacuum_multixact_freeze_max_age')::float8 AS multi
           FROM pg_catalog.pg_options_to_table(c.reloptions) x(n, v)) o
    LEFT JOIN LATERAL (
         SELECT t.oid,
                pg_catalog.max(x.v) FILTER (WHERE x.n = 'autovacuum_enabled')::bool AS enabled,
                pg_catalog.max(x.v) FILTER (WHERE x.n = 'autovacuum_vacuum_threshold')::float8 AS base,
                pg_catalog.max(x.v) FILTER (WHERE x.n = 'autovacuum_vacuum_scale_factor')::float8 AS scale,
                pg_catalog.max(x.v) FILTER (WHERE x.n = 'autovacuum_vacuum_max_threshold')::float8 AS most,
                pg_catalog.max(x.v) FILTER (WHERE x.n = 'autovacuum_vacuum_insert_threshold')::float8 AS insert_base,
                pg_catalog.max(x.v) FILTER (WHERE x.n = 'autovacuum_vacuum_insert_scale_factor')::float8
                  AS insert_scale,
                pg_catalog.max(x.v) FILTER (WHERE x.n = 'autovacuum_freeze_max_age')::float8 AS freeze,
                pg_catalog.max(x.v) FILTER (WHERE x.n = 'autovacuum_multixact_freeze_max_age')::float8 AS multi
           FROM pg_catalog.pg_class t
           LEFT JOIN LATERAL pg_catalog.pg_options_to_table(t.reloptions) x(n, v) ON c.reloptions IS NULL
          WHERE c.relkind = 't' AND t.reltoastrelid = c.oid GROUP BY t.oid) m ON true
), ranked AS MATERIALIZED (
  SELECT s.*, greatest(s.dead_pct, s.insert_pct, CASE WHEN s.freeze_pct >= 100 THEN s.freeze_pct END) AS due_pct
    FROM share s
   ORDER BY greatest(s.dead_pct, s.insert_pct, s.analyze_pct, CASE WHEN s.freeze_pct >= 100 THEN s.freeze_pct END) DESC
   LIMIT 500
)
SELECT r.oid::bigint AS oid, n.nspname || '.' || c.relname AS "table", r.relkind = 't' AS toast,
       r.due_pct, CASE r.due_pct WHEN r.freeze_pct THEN 'freezing' WHEN r.dead_pct THEN 'dead tuples'
                                 ELSE 'inserts' END AS due_for,
       r.dead_pct, r.insert_pct, r.freeze_pct, r.analyze_pct,
       NULL::float8 AS score, r.dead, r.inserted, r.modified,
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
