-- Terminates each of these sessions, if it is still the session that was shown and, if idle then, has stayed idle.
WITH it AS (
  SELECT pg_catalog.string_agg('(' || w.pid || ', ' || pg_catalog.quote_literal(w.started)
           || coalesce(', ' || pg_catalog.quote_literal(w.idle_since), '') || ')', ', ') AS list,
         pg_catalog.count(w.idle_since) > 0 AS only_idle, pg_catalog.count(*) AS sessions
    FROM ROWS FROM (pg_catalog.unnest(%(pids)s::int[]), pg_catalog.unnest(%(started)s::text[]),
                    pg_catalog.unnest(%(moments)s::text[])) w(pid, started, idle_since)
)
SELECT 'SELECT pg_catalog.pg_terminate_backend(s.pid) FROM pg_catalog.pg_stat_get_activity(NULL) s WHERE (s.pid, '
       's.backend_start'
       || CASE WHEN it.only_idle THEN ', s.state_change' ELSE '' END || ') IN (' || it.list || ')' AS sql,
       'terminates ' || it.sessions || CASE it.sessions WHEN 1 THEN ' session and rolls back its'
           ELSE ' sessions and rolls back their' END
       || ' open transaction' AS note,
       'SELECT pg_catalog.count(*) = 0, ''Still there after 2 s: pid '' || '
       'pg_catalog.string_agg(pg_catalog.concat(s.pid, '' ('','
       || ' s.wait_event_type, '':'', s.wait_event, '')''), '', '') || ''. It terminates at its next check for '
          'interrupts.'''
       || ' FROM pg_catalog.pg_stat_get_activity(NULL) s WHERE (s.pid, s.backend_start'
       || CASE WHEN it.only_idle THEN ', s.state_change' ELSE '' END || ') IN (' || it.list || ')' AS expect,
       2.0::float8 AS settle, false AS transaction
  FROM it WHERE it.sessions > 0
