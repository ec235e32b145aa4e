-- One statement with its whole text, whose it is, and how many rows a call returned on average.
-- extension: pg_stat_statements
-- whole: yes
SELECT s.query AS query, 0 AS bytes, 0::bigint AS cut, pg_catalog.pg_get_userbyid(s.userid)::text AS role,
       (SELECT d.datname::text FROM pg_catalog.pg_database d WHERE d.oid = s.dbid) AS database,
       pg_catalog.current_database()::text AS here, s.queryid, ''::text AS backend_type,
       s.rows::double precision / nullif(s.calls, 0) AS rows_a_call, s.calls,
       s.mean_exec_time AS mean_ms  -- since 1.8
       s.mean_time AS mean_ms  -- before 1.8
  FROM @extschema@.pg_stat_statements(true) s
 WHERE s.queryid = %(queryid)s::bigint
   AND (%(userid)s::bigint = 0 OR s.userid::bigint = %(userid)s::bigint)
   AND (%(dbid)s::bigint = 0 OR s.dbid::bigint = %(dbid)s::bigint)
 ORDER BY s.calls DESC
 LIMIT 1
