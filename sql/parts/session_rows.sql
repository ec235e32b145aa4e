  FROM activity s
 CROSS JOIN (SELECT pg_catalog.clock_timestamp() AS at) n
  LEFT JOIN waiter w ON w.pid = s.pid
  LEFT JOIN pg_catalog.pg_database d ON d.oid = s.datid
