-- Relations that are locked: by how many sessions, in which modes, and how many wait for them.
SELECT l.database::bigint AS database_id, l.relation::bigint AS relation_id,
       CASE WHEN l.database IN (0, c.oid) THEN l.relation::regclass::text
           ELSE 'relation ' || l.relation END AS relation,
       CASE WHEN l.database = 0 THEN 'all databases'
           ELSE (SELECT d.datname::text FROM pg_catalog.pg_database d WHERE d.oid = l.database) END
         AS database,
       l.sessions, l.waiting, l.modes, l.wanted, l.strongest, l.pids, l.longest_wait
  FROM (SELECT database, relation,
               pg_catalog.count(DISTINCT virtualtransaction) FILTER (WHERE granted) AS sessions,
               pg_catalog.count(*) FILTER (WHERE NOT granted) AS waiting,
               pg_catalog.array_agg(DISTINCT pg_catalog.left(mode, -4))
                   FILTER (WHERE granted) AS modes,
               pg_catalog.array_agg(DISTINCT pg_catalog.left(mode, -4))
                   FILTER (WHERE NOT granted) AS wanted,
               (ARRAY['AccessShare', 'RowShare', 'RowExclusive', 'ShareUpdateExclusive', 'Share', 'ShareRowExclusive',
                   'Exclusive',
                      'AccessExclusive'])[pg_catalog.max(pg_catalog.array_position(
                 ARRAY['AccessShareLock', 'RowShareLock', 'RowExclusiveLock', 'ShareUpdateExclusiveLock', 'ShareLock',
                       'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock'], mode))
                           FILTER (WHERE granted)] AS strongest,
               pg_catalog.array_agg(DISTINCT coalesce(pid, 0)) FILTER (WHERE granted) AS pids,
               pg_catalog.date_part('epoch', pg_catalog.clock_timestamp() - pg_catalog.min(waitstart)) AS longest_wait
          FROM pg_catalog.pg_locks
         WHERE locktype = 'relation' AND pid IS DISTINCT FROM pg_catalog.pg_backend_pid()
         GROUP BY database, relation) l
 CROSS JOIN (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database()) c
 ORDER BY l.waiting DESC, l.sessions DESC
