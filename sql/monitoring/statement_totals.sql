-- How many statements are counted, and their execution time in all, since the last reset.
-- extension: pg_stat_statements
SELECT pg_catalog.sum(s.total_exec_time) AS all_ms,  -- since 1.8
       pg_catalog.sum(s.total_time) AS all_ms,  -- before 1.8
       pg_catalog.count(*) AS known
  FROM @extschema@.pg_stat_statements(false) s
