-- Cancels the statement of each of these sessions, if it is still the statement that was shown.
WITH it AS (
  SELECT pg_catalog.string_agg('(' || w.pid || ', ' || pg_catalog.quote_literal(w.started) || ', '
                               || pg_catalog.quote_literal(w.query_started)
                               || ')', ', ') AS list, pg_catalog.count(*) AS sessions
    FROM ROWS FROM (pg_catalog.unnest(%(pids)s::int[]), pg_catalog.unnest(%(started)s::text[]),
                    pg_catalog.unnest(%(moments)s::text[])) w(pid, started, query_started)
)
SELECT 'SELECT pg_catalog.pg_cancel_backend(s.pid) FROM pg_catalog.pg_stat_get_activity(NULL) s'
       || ' WHERE s.state <> ''idle'' AND (s.pid, s.backend_start, s.query_start) IN (' || it.list || ')' AS sql,
       'cancels the running statement of ' || it.sessions || CASE it.sessions WHEN 1 THEN ' session' ELSE ' sessions'
           END AS note,
       'SELECT pg_catalog.count(*) = 0, ''The cancel had no effect on pid '' || pg_catalog.string_agg(s.pid::text, '', '
       ''')'
       || ' || '': its statement does not check for interrupts. Use terminate-backend.'' FROM '
          'pg_catalog.pg_stat_get_activity(NULL) s'
       || ' WHERE s.state = ''active'' AND (s.pid, s.backend_start, s.query_start) IN (' || it.list || ')' AS expect,
       2.0::float8 AS settle, false AS transaction
  FROM it WHERE it.sessions > 0
