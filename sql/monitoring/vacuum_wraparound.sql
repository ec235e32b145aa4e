-- How near every database and the oldest tables of this one are to transaction id wraparound.
-- A TOAST table is counted with its table. Two billion is the limit at which the server refuses to write.
WITH setting AS MATERIALIZED (
  SELECT pg_catalog.current_setting('autovacuum_freeze_max_age')::float8 AS xids,
         pg_catalog.current_setting('autovacuum_multixact_freeze_max_age')::float8 AS mxids
), oldest AS MATERIALIZED (
  SELECT c.oid, pg_catalog.age(c.relfrozenxid) AS xid_age
    FROM pg_catalog.pg_class c
   WHERE c.relkind IN ('r', 'm', 't')
   ORDER BY 2 DESC, c.relpages DESC
   LIMIT 500
), aged AS (
  SELECT 'database' AS kind, d.oid::bigint AS oid, d.datname::text AS name, NULL::bigint AS estimated_size,
         pg_catalog.age(d.datfrozenxid) AS xid_age, pg_catalog.mxid_age(d.datminmxid) AS mxid_age,
         NULL::text[] AS options
    FROM pg_catalog.pg_database d
  UNION ALL
  SELECT CASE WHEN c.relkind = 't' THEN 'toast' ELSE 'table' END, c.oid::bigint, n.nspname || '.' || c.relname,
         c.relpages * pg_catalog.current_setting('block_size')::bigint,
         o.xid_age, pg_catalog.mxid_age(c.relminmxid), c.reloptions
    FROM oldest o
   CROSS JOIN LATERAL (SELECT * FROM pg_catalog.pg_class r WHERE r.oid = o.oid OFFSET 0) c
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
)
SELECT a.kind, a.oid, a.name, a.estimated_size,
       a.xid_age, a.xids / least(s.xids, f.xids) AS freeze_pct, a.xids / 2147483648.0::float8 AS limit_pct,
       a.mxid_age, a.mxids / least(s.mxids, f.mxids) AS mxid_freeze_pct,
       a.mxids / 2147483648.0::float8 AS mxid_limit_pct
  -- 100 * int4 overflows
  FROM (SELECT *, 100.0::float8 * xid_age AS xids, 100.0::float8 * mxid_age AS mxids FROM aged) a
 CROSS JOIN setting s
  LEFT JOIN LATERAL (
       SELECT pg_catalog.max(x.option_value) FILTER (
                WHERE x.option_name = 'autovacuum_freeze_max_age')::float8 AS xids,
              pg_catalog.max(x.option_value) FILTER (
                WHERE x.option_name = 'autovacuum_multixact_freeze_max_age')::float8 AS mxids
         FROM pg_catalog.pg_options_to_table(a.options) x
        WHERE a.options IS NOT NULL) f ON true
