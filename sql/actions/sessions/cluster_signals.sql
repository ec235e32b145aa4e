-- Cancels or terminates sessions of a Citus cluster by global pid, if each is still the session that was shown.
-- extension: citus
WITH it AS (
  SELECT pg_catalog.string_agg('(' || w.gpid || ', ' || pg_catalog.quote_literal(w.started)
                               || coalesce(', ' || pg_catalog.quote_literal(w.query_started), '') || ')', ', ') AS list,
         pg_catalog.count(*) AS sessions
    FROM ROWS FROM (pg_catalog.unnest(%(gpids)s::bigint[]), pg_catalog.unnest(%(started)s::text[]),
                    pg_catalog.unnest(%(moments)s::text[])) w(gpid, started, query_started)
), which AS (
  SELECT it.sessions,
         ' FROM pg_catalog.citus_stat_activity() s WHERE s.is_worker_query IS NOT TRUE AND (s.global_pid, '
         's.backend_start' || CASE WHEN %(cancel)s THEN ', s.query_start' ELSE '' END || ') IN (' || it.list || ')'
         AS rows
    FROM it WHERE it.sessions > 0
)
SELECT 'SELECT pg_catalog.' || CASE WHEN %(cancel)s THEN 'pg_cancel_backend(s.global_pid)'
                                    ELSE 'pg_terminate_backend(s.global_pid)' END || w.rows
       || CASE WHEN %(cancel)s THEN ' AND s.state = ''active''' ELSE '' END AS sql,
       CASE WHEN %(cancel)s THEN 'cancels the running statement of ' ELSE 'terminates ' END || w.sessions
       || CASE w.sessions WHEN 1 THEN ' session' ELSE ' sessions' END
       || CASE WHEN %(cancel)s THEN '' WHEN w.sessions = 1 THEN ' and rolls back its open transaction'
               ELSE ' and rolls back their open transactions' END
       || ', with what it runs on other nodes' AS note,
       'SELECT pg_catalog.count(*) = 0, ''Still there after 5 s: global pid '' || pg_catalog.string_agg('
       's.global_pid::text, '', '') || ''. It ends at its next check for interrupts.''' || w.rows
       || CASE WHEN %(cancel)s THEN ' AND s.state = ''active''' ELSE '' END AS expect,
       5.0::float8 AS settle, false AS transaction
  FROM which w
