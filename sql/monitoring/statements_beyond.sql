-- Counters of the statements that follow those 500 with the highest total time: some may cost much now.
-- extension: pg_stat_statements
SELECT x.queryid, x.userid::bigint AS userid, x.dbid::bigint AS dbid,
       x.toplevel,  -- since 1.9
       true AS toplevel,  -- before 1.9
       x.calls,
       x.total_exec_time AS total_ms  -- since 1.8
       x.total_time AS total_ms  -- before 1.8
  FROM @extschema@.pg_stat_statements(false) x
 WHERE x.queryid IS NOT NULL
 ORDER BY total_ms DESC
OFFSET 500
 LIMIT 9500
