-- Terminates each of these sessions, if it is still the session that was shown: idle since then, or in its transaction.
WITH session AS (
  SELECT pg_catalog.concat_ws(', ', w.pid, pg_catalog.quote_literal(w.started),
                              pg_catalog.quote_literal(coalesce(w.idle_since, w.transaction))) AS it,
         CASE WHEN w.idle_since IS NOT NULL THEN ', s.state_change'
              WHEN w.transaction IS NOT NULL THEN ', s.xact_start' ELSE '' END AS compared
    FROM ROWS FROM (pg_catalog.unnest(%(pids)s::int[]), pg_catalog.unnest(%(started)s::text[]),
                    pg_catalog.unnest(%(moments)s::text[]), pg_catalog.unnest(%(transactions)s::text[]))
         w(pid, started, idle_since, transaction)
), alike AS (
  SELECT '(s.pid, s.backend_start' || w.compared || ') IN ('
         || pg_catalog.string_agg('(' || w.it || ')', ', ') || ')' AS are, pg_catalog.count(*) AS sessions
    FROM session w GROUP BY w.compared
), which AS (
  SELECT pg_catalog.string_agg(a.are, ' OR ' ORDER BY a.are) AS are, pg_catalog.sum(a.sessions) AS sessions
    FROM alike a
)
SELECT 'SELECT pg_catalog.pg_terminate_backend(s.pid) FROM pg_catalog.pg_stat_get_activity(NULL) s WHERE '
       || w.are AS sql,
       'terminates ' || w.sessions || CASE w.sessions WHEN 1 THEN ' session' ELSE ' sessions' END
       || CASE WHEN %(open)s = 0 THEN ', without an open transaction now'
               WHEN w.sessions = 1 THEN ' and rolls back its open transaction'
               WHEN %(open)s = w.sessions THEN ' and rolls back their open transactions'
               ELSE ' and rolls back the open ' || CASE %(open)s WHEN 1 THEN 'transaction' ELSE 'transactions' END
                    || ' of ' || %(open)s || ' of them' END AS note,
       'SELECT pg_catalog.count(*) = 0, ''Still there after 2 s: pid '' || '
       'pg_catalog.string_agg(pg_catalog.concat(s.pid, '' ('','
       || ' s.wait_event_type, '':'', s.wait_event, '')''), '', '') || ''. It terminates at its next check for '
          'interrupts.'''
       || ' FROM pg_catalog.pg_stat_get_activity(NULL) s WHERE ' || w.are AS expect,
       2.0::float8 AS settle, false AS transaction
  FROM which w WHERE w.sessions > 0
