-- Sessions that hold or wait for locks on one relation, longest transaction first.
SELECT DISTINCT ON (l.pid) l.pid,
       pg_catalog.concat_ws(', ', nullif(a.application_name, ''), a.usename, a.state,
         pg_catalog.round(pg_catalog.date_part('epoch', pg_catalog.clock_timestamp() - a.xact_start))
             || ' s in its transaction') AS who
  FROM pg_catalog.pg_locks l
  LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid
 WHERE l.locktype = 'relation' AND l.granted AND l.pid <> %(pid)s
   AND l.relation = pg_catalog.to_regclass(%(relation)s)
 ORDER BY l.pid
