-- Sequential scans of the 100 largest tables, and how long they were counted.
-- Sizes are relpages: nothing here waits for a lock.
SELECT c.oid::bigint AS oid, n.nspname || '.' || c.relname AS "table",
       c.relpages * pg_catalog.current_setting('block_size')::bigint AS size, nullif(c.reltuples, -1)::float8 AS rows,
       pg_catalog.pg_stat_get_numscans(c.oid) AS scans, pg_catalog.pg_stat_get_tuples_returned(c.oid) AS rows_read,
       pg_catalog.date_part('epoch', pg_catalog.now() - coalesce(  -- before 19
         pg_catalog.pg_stat_get_db_stat_reset_time(d.oid),  -- before 19
         pg_catalog.pg_stat_get_bgwriter_stat_reset_time())) AS counted_for  -- before 19
       pg_catalog.date_part('epoch', pg_catalog.now() - coalesce(  -- since 19
         pg_catalog.pg_stat_get_stat_reset_time(c.oid), pg_catalog.pg_stat_get_db_stat_reset_time(d.oid),  -- since 19
         pg_catalog.pg_stat_get_bgwriter_stat_reset_time())) AS counted_for  -- since 19
  FROM (SELECT t.oid, t.relname, t.relnamespace, t.relpages, t.reltuples FROM pg_catalog.pg_class t
         WHERE t.relkind IN ('r', 'm') AND t.oid >= 16384
         ORDER BY t.relpages DESC, t.oid LIMIT 100) c
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_catalog.pg_database d ON d.datname = pg_catalog.current_database()
 ORDER BY rows_read DESC, c.oid
