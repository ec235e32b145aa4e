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
), @vacuum_pin@, counted AS MATERIALIZED (
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
), main AS MATERIALIZED (
  -- Of the TOAST tables: no index leads there. IS TRUE makes the planner hash them and scan once, few or many.
  SELECT m.oid, m.reltoastrelid, m.reloptions
    FROM pg_catalog.pg_class m
   WHERE (m.reltoastrelid IN (SELECT c.oid FROM counted c WHERE c.relkind = 't')) IS TRUE
), options AS MATERIALIZED (
  -- Of tables with the same options they are read once.
  SELECT e.reloptions,
         pg_catalog.max(x.v) FILTER (WHERE x.n = 'autovacuum_enabled')::bool AS enabled,
         pg_catalog.max(x.v) FILTER (WHERE x.n = 'autovacuum_vacuum_threshold')::float8 AS base,
         pg_catalog.max(x.v) FILTER (WHERE x.n = 'autovacuum_vacuum_scale_factor')::float8 AS scale,
         pg_catalog.max(x.v) FILTER (WHERE x.n = 'autovacuum_vacuum_max_threshold')::float8 AS most,
         pg_catalog.max(x.v) FILTER (WHERE x.n = 'autovacuum_vacuum_insert_threshold')::float8 AS insert_base,
         pg_catalog.max(x.v) FILTER (WHERE x.n = 'autovacuum_vacuum_insert_scale_factor')::float8 AS insert_scale,
         pg_catalog.max(x.v) FILTER (WHERE x.n = 'autovacuum_analyze_threshold')::float8 AS analyze_base,
         pg_catalog.max(x.v) FILTER (WHERE x.n = 'autovacuum_analyze_scale_factor')::float8 AS analyze_scale,
         pg_catalog.max(x.v) FILTER (WHERE x.n = 'autovacuum_freeze_max_age')::float8 AS freeze,
         pg_catalog.max(x.v) FILTER (WHERE x.n = 'autovacuum_multixact_freeze_max_age')::float8 AS multi
    FROM (SELECT c.reloptions FROM counted c WHERE c.reloptions IS NOT NULL
          UNION SELECT m.reloptions FROM main m WHERE m.reloptions IS NOT NULL) e
   CROSS JOIN LATERAL pg_catalog.pg_options_to_table(e.reloptions) x(n, v)
   GROUP BY e.reloptions
), share AS MATERIALIZED (
  SELECT c.*, t.oid AS main, coalesce(o.enabled, m.enabled, true) AS enabled,
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
    LEFT JOIN main t ON t.reltoastrelid = c.oid
    LEFT JOIN options o ON o.reloptions = c.reloptions
    LEFT JOIN options m ON m.reloptions = t.reloptions AND c.reloptions IS NULL
), ranked AS MATERIALIZED (
  SELECT s.*, NULL::float8 AS score,
         greatest(s.dead_pct, s.insert_pct, CASE WHEN s.freeze_pct >= 100 THEN s.freeze_pct END) AS due_pct
    FROM share s
   ORDER BY greatest(s.dead_pct, s.insert_pct, s.analyze_pct, CASE WHEN s.freeze_pct >= 100 THEN s.freeze_pct END) DESC
   LIMIT 500
)
@vacuum_due_rows@
