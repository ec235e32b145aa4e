-- Beginnings of the texts of the 500 statements with the highest total time, for findings that name one of them.
-- extension: pg_stat_statements
SELECT s.queryid, s.userid::bigint AS userid, s.dbid::bigint AS dbid, pg_catalog.left(s.query, 2000) AS query,
       (SELECT d.datname::text FROM pg_catalog.pg_database d WHERE d.oid = s.dbid) AS database,
       pg_catalog.pg_get_userbyid(s.userid)::text AS "user"
  FROM @extschema@.pg_stat_statements(true) s
 ORDER BY s.total_exec_time DESC  -- since 1.8
 ORDER BY s.total_time DESC  -- before 1.8
 LIMIT 500
