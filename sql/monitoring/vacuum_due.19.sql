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
), @vacuum_pin@, share AS MATERIALIZED (
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
@vacuum_due_rows@
