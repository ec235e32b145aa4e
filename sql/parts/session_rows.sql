  FROM activity s
 CROSS JOIN (SELECT pg_catalog.clock_timestamp() AS at) n
 CROSS JOIN (SELECT ARRAY(SELECT o.backend_xid FROM activity o WHERE o.backend_xid IS NOT NULL
                          UNION ALL SELECT p.transaction FROM pg_catalog.pg_prepared_xact() p) AS xids) r
  LEFT JOIN waiter w ON w.pid = s.pid
  LEFT JOIN pg_catalog.pg_database d ON d.oid = s.datid
