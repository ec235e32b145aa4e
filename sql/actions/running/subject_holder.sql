-- Who holds the advisory lock of a subject in this database; no row: it is free.
SELECT pg_catalog.concat_ws(' ', 'pid', l.pid, 'of', a.usename, 'from',
                            coalesce(pg_catalog.host(a.client_addr), 'this machine'),
                            'since', pg_catalog.to_char(a.backend_start, 'HH24:MI:SS UTC')) AS holder
  FROM pg_catalog.pg_locks l LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid
 WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 2
   AND l.database = (SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database())
   AND l.classid = (pg_catalog.hashtext('pipeline-console')::bigint & 4294967295)::oid
   AND l.objid = (pg_catalog.hashtext(%(subject)s)::bigint & 4294967295)::oid
 LIMIT 1
