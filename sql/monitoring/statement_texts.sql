-- Texts of the statements that are on the screen.
-- extension: pg_stat_statements
SELECT s.queryid, s.userid::bigint AS userid, s.dbid::bigint AS dbid,
       pg_catalog.left(pg_catalog.min(s.query), 500) AS query
  FROM @extschema@.pg_stat_statements(true) s
 WHERE (s.queryid, s.userid::bigint, s.dbid::bigint) IN (
         SELECT k.queryid, k.userid, k.dbid
           FROM ROWS FROM (pg_catalog.unnest(%(queryid)s::bigint[]), pg_catalog.unnest(%(userid)s::bigint[]),
                           pg_catalog.unnest(%(dbid)s::bigint[])) AS k(queryid, userid, dbid))
 GROUP BY s.queryid, s.userid, s.dbid
