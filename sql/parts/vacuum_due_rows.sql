-- The tables that VACUUM or ANALYZE is due for, from the CTEs `ranked`, `setting` and those of vacuum_pin.
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
  -- OFFSET 0: those few by index, not all of pg_class.
 CROSS JOIN LATERAL (SELECT a.oid, a.relname, a.relnamespace, a.relisshared
                       FROM pg_catalog.pg_class a WHERE a.oid = coalesce(r.main, r.oid) OFFSET 0) c
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
