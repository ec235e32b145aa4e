-- Takes the advisory lock of what is to be changed; reports its holder if that fails.
WITH taken AS MATERIALIZED (
  SELECT pg_catalog.pg_try_advisory_lock(pg_catalog.hashtext('pipeline-console'), pg_catalog.hashtext(%(subject)s))
         AS mine
)
SELECT taken.mine,
       CASE WHEN NOT taken.mine THEN (
         SELECT pg_catalog.concat_ws(' ', 'pid', l.pid, 'of', a.usename, 'from',
                                     coalesce(pg_catalog.host(a.client_addr), 'this machine'),
                                     'since', pg_catalog.to_char(a.backend_start, 'HH24:MI:SS UTC'))
           FROM pg_catalog.pg_locks l LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid
          WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 2
            AND l.database = (SELECT d.oid FROM pg_catalog.pg_database d
                              WHERE d.datname = pg_catalog.current_database())
            AND l.classid = (pg_catalog.hashtext('pipeline-console')::bigint & 4294967295)::oid
            AND l.objid = (pg_catalog.hashtext(%(subject)s)::bigint & 4294967295)::oid
          LIMIT 1) END AS holder
  FROM taken
