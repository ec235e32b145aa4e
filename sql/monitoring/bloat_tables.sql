-- The 500 largest tables, with their TOAST, by the size that VACUUM and ANALYZE last saw: rows waiting for VACUUM, and
-- how overdue it is.
-- Sizes are relpages: nothing here waits for a lock. A table never analysed is ranked by the rows counted since.
-- Rows counted are those written since the counters were reset, so dead tuples are a share of at least reltuples.
-- pg_class is scanned once for the narrow ranking; OFFSET 0 makes the planner fetch the chosen rows by index.
WITH setting AS MATERIALIZED (
  SELECT pg_catalog.current_setting('block_size')::bigint AS block, pg_catalog.now() AS now,
         pg_catalog.current_setting('autovacuum_vacuum_threshold')::float8 AS base,
         pg_catalog.current_setting('autovacuum_vacuum_scale_factor')::float8 AS scale,
         nullif(pg_catalog.current_setting('autovacuum_vacuum_max_threshold', true), '-1')::float8 AS most
), every AS MATERIALIZED (
  SELECT r.oid, r.relkind = 't' AS is_toast, r.reltoastrelid, r.relpages, r.reltuples
    FROM pg_catalog.pg_class r WHERE r.relkind IN ('r', 'm', 't')
), ranked AS MATERIALIZED (
  SELECT c.oid
    FROM every c
    LEFT JOIN every t ON t.oid = c.reltoastrelid AND t.is_toast
   WHERE NOT c.is_toast
   ORDER BY CASE WHEN c.reltuples < 0
                 THEN greatest(c.relpages, pg_catalog.pg_stat_get_live_tuples(c.oid) / 50) ELSE c.relpages END
            + CASE WHEN t.reltuples < 0
                   THEN greatest(t.relpages, pg_catalog.pg_stat_get_live_tuples(t.oid) / 4)
                   ELSE coalesce(t.relpages, 0) END::bigint DESC,
            c.oid
   LIMIT 500
)
SELECT c.oid::bigint AS oid, n.nspname || '.' || c.relname AS "table",
       CASE WHEN c.relpages > 0 OR c.reltuples >= 0 THEN (c.relpages + coalesce(t.relpages, 0)::bigint) * s.block
            END AS estimated_size,
       CASE WHEN c.relpages > 0 OR c.reltuples >= 0 THEN c.relpages * s.block END AS estimated_heap,
       c.relpages, c.reltuples::float8 AS reltuples, c.live, c.dead,
       coalesce(100.0::float8 * c.dead / nullif(greatest(c.live + c.dead, c.reltuples), 0), 0) AS dead_pct,
       t.relpages AS toast_pages, t.reltuples::float8 AS toast_tuples, t.dead AS toast_dead,
       100.0::float8 * t.dead / nullif(greatest(t.live + t.dead, t.reltuples), 0) AS toast_dead_pct,
       pg_catalog.date_part('epoch', s.now - greatest(pg_catalog.pg_stat_get_last_vacuum_time(c.oid),
                                                      pg_catalog.pg_stat_get_last_autovacuum_time(c.oid)))
                                                          AS vacuum_age,
       pg_catalog.date_part('epoch', s.now - greatest(pg_catalog.pg_stat_get_last_analyze_time(c.oid),
                                                      pg_catalog.pg_stat_get_last_autoanalyze_time(c.oid)))
                                                          AS analyze_age,
       pg_catalog.pg_stat_get_mod_since_analyze(c.oid) AS modified,
       100.0::float8 * c.dead / greatest(1, least(
         coalesce(o.base, s.base) + coalesce(o.scale, s.scale) * greatest(c.reltuples, 0),
         coalesce(nullif(o.most, -1), s.most))) AS debt_pct,
       coalesce(o.enabled, true) AS autovacuum,
       pg_catalog.array_to_string(c.reloptions, ', ') AS options, e.total
  FROM ranked k
 CROSS JOIN setting s
 CROSS JOIN (SELECT pg_catalog.count(*) AS total FROM every x WHERE NOT x.is_toast) e
 CROSS JOIN LATERAL (
       SELECT r.oid, r.relname, r.relnamespace, r.relpages, r.reltuples, r.reloptions, r.reltoastrelid,
              pg_catalog.pg_stat_get_live_tuples(r.oid) AS live, pg_catalog.pg_stat_get_dead_tuples(r.oid) AS dead
         FROM pg_catalog.pg_class r WHERE r.oid = k.oid OFFSET 0) c
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  LEFT JOIN LATERAL (
       SELECT r.relpages, r.reltuples,
              pg_catalog.pg_stat_get_live_tuples(r.oid) AS live, pg_catalog.pg_stat_get_dead_tuples(r.oid) AS dead
         FROM pg_catalog.pg_class r WHERE r.oid = nullif(c.reltoastrelid, 0) OFFSET 0) t ON true
  LEFT JOIN LATERAL (
       SELECT (pg_catalog.max(x.option_value) FILTER (WHERE x.option_name = 'autovacuum_vacuum_threshold'))::float8
                AS base,
              (pg_catalog.max(x.option_value) FILTER (WHERE x.option_name = 'autovacuum_vacuum_scale_factor'))::float8
                AS scale,
              (pg_catalog.max(x.option_value) FILTER (WHERE x.option_name = 'autovacuum_vacuum_max_threshold'))::float8
                AS most,
              (pg_catalog.max(x.option_value) FILTER (WHERE x.option_name = 'autovacuum_enabled'))::bool AS enabled
         FROM pg_catalog.pg_options_to_table(c.reloptions) x
        WHERE c.reloptions IS NOT NULL) o ON true
