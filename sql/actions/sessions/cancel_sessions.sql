-- Cancels the statement of each of these sessions, if it still runs what was shown: the statement, or the transaction.
WITH it AS (
  SELECT pg_catalog.string_agg('(' || w.pid || ', ' || pg_catalog.quote_literal(w.started) || ', '
                               || pg_catalog.quote_literal(w.statement) || ')', ', ') AS statements,
         pg_catalog.string_agg('(' || w.pid || ', ' || pg_catalog.quote_literal(w.started) || ', '
                               || pg_catalog.quote_literal(w.transaction) || ')', ', ') AS transactions,
         pg_catalog.count(*) AS sessions
    FROM ROWS FROM (pg_catalog.unnest(%(pids)s::int[]), pg_catalog.unnest(%(started)s::text[]),
                    pg_catalog.unnest(%(statements)s::text[]), pg_catalog.unnest(%(transactions)s::text[]))
         w(pid, started, statement, transaction)
), which AS (
  SELECT '((s.pid, s.backend_start, s.query_start) IN (' || it.statements || ')'
         || coalesce(' OR (s.pid, s.backend_start, s.xact_start) IN (' || it.transactions || ')', '') || ')' AS meant,
         it.sessions
    FROM it WHERE it.sessions > 0
)
SELECT 'SELECT pg_catalog.pg_cancel_backend(s.pid) FROM pg_catalog.pg_stat_get_activity(NULL) s'
       || ' WHERE s.state IN (''active'', ''fastpath function call'') AND ' || w.meant AS sql,
       'cancels the running statement of ' || w.sessions || CASE w.sessions WHEN 1 THEN ' session' ELSE ' sessions'
           END AS note,
       'SELECT pg_catalog.count(*) = 0, ''The cancel had no effect on pid '' || pg_catalog.string_agg(s.pid::text, '', '
       ''')'
       || ' || '': its statement does not check for interrupts, or goes on after one. Use terminate-backend.'' FROM '
          'pg_catalog.pg_stat_get_activity(NULL) s'
       || ' WHERE s.state IN (''active'', ''fastpath function call'') AND ' || w.meant AS expect,
       2.0::float8 AS settle, false AS transaction
  FROM which w
