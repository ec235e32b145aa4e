-- The 30 statements of this database with the highest total time, with their whole texts and whose they are.
-- The adviser has them planned by EXPLAIN, with hypothetical indexes (hypopg).
-- extension: pg_stat_statements
SELECT s.queryid, s.userid::bigint AS userid, s.dbid::bigint AS dbid,
       pg_catalog.min(pg_catalog.pg_get_userbyid(s.userid)::text) AS role, pg_catalog.min(s.query) AS query,
       pg_catalog.sum(s.calls)::bigint AS calls, pg_catalog.sum(s.rows)::bigint AS rows,
       pg_catalog.sum(s.total_exec_time) AS total_ms,  -- since 1.8
       pg_catalog.sum(s.total_time) AS total_ms,  -- before 1.8
       (SELECT pg_catalog.date_part('epoch', pg_catalog.clock_timestamp() - i.stats_reset)  -- since 1.9
          FROM @extschema@.pg_stat_statements_info i) AS counted_for  -- since 1.9
       NULL::double precision AS counted_for  -- before 1.9
  FROM @extschema@.pg_stat_statements(true) s
  JOIN pg_catalog.pg_database d ON d.oid = s.dbid AND d.datname = pg_catalog.current_database()
 WHERE s.queryid IS NOT NULL
   AND s.query ~* '^[[:space:](]*(select|with|update|delete|insert|merge|table)\M' AND s.query !~* '\mpg_catalog\.'
 GROUP BY s.queryid, s.userid, s.dbid
 ORDER BY total_ms DESC
 LIMIT 30
