-- One session: its full query text, what it waits for, which locks it holds. Pid 0 stands for prepared transactions.
WITH lock AS MATERIALIZED (
  SELECT p.gid, l.granted, l.locktype, l.mode, l.waitstart,
         CASE WHEN l.relation IS NOT NULL AND l.database IN (0, (SELECT d.oid FROM pg_catalog.pg_database d
                                                                  WHERE d.datname = pg_catalog.current_database()))
              THEN l.relation::regclass::text
              WHEN l.relation IS NOT NULL THEN 'relation ' || l.relation || ' of database ' || l.database
              WHEN l.transactionid IS NOT NULL THEN 'transaction ' || l.transactionid::text
              WHEN l.virtualxid IS NOT NULL THEN 'virtual transaction ' || l.virtualxid
              ELSE l.locktype || coalesce(' ' || l.classid, '') || coalesce(' ' || l.objid, '') END AS object
    FROM pg_catalog.pg_locks l
    LEFT JOIN (SELECT t.gid, x.virtualtransaction
                 FROM pg_catalog.pg_prepared_xact() t
                 JOIN pg_catalog.pg_locks x ON x.pid IS NULL AND x.transactionid = t.transaction) p
           ON p.virtualtransaction = l.virtualtransaction AND l.pid IS NULL
   WHERE coalesce(l.pid, 0) = %(pid)s::integer
)
SELECT 'query' || CASE WHEN pg_catalog.octet_length(s.query) >= t.cut - 1
                       THEN ' (cut: track_activity_query_size = ' || t.cut || ')' ELSE '' END AS item, s.query AS text
  FROM pg_catalog.pg_stat_get_activity(%(pid)s::integer) s
 CROSS JOIN (SELECT pg_catalog.pg_size_bytes(pg_catalog.current_setting('track_activity_query_size')) AS cut) t
 WHERE %(pid)s::integer <> 0 AND s.backend_start IS NOT DISTINCT FROM %(backend_start)s::timestamptz
UNION ALL
SELECT 'waits for', l.mode || ' on ' || l.object || ' (' || l.locktype || ')'
       || coalesce(' since ' || pg_catalog.date_trunc('second', l.waitstart)::text, '')
  FROM lock l WHERE NOT l.granted
UNION ALL
(SELECT 'holds' || coalesce(' (' || l.gid || ')', ''), l.mode || ' on ' || l.object
        || CASE WHEN l.locktype = 'tuple' THEN ' (row)' ELSE '' END
   FROM lock l WHERE l.granted AND l.locktype <> 'virtualxid'
  ORDER BY l.gid, l.locktype = 'transactionid', l.object, l.mode)
