-- The sessions of a load test at this moment: how many there are, how many work, and what those wait for.
SELECT pg_catalog.count(*)::int AS sessions,
       pg_catalog.count(*) FILTER (WHERE a.state = 'active')::int AS working,
       pg_catalog.count(*) FILTER (WHERE a.state = 'active' AND a.wait_event_type = 'Lock')::int AS locked,
       coalesce(pg_catalog.array_agg(coalesce(a.wait_event_type || ': ' || a.wait_event, 'CPU'))
                  FILTER (WHERE a.state = 'active'), '{}') AS waits
  FROM pg_catalog.pg_stat_activity a
 WHERE a.application_name = %(name)s AND a.datname = pg_catalog.current_database()
