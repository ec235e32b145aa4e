-- Cancels or terminates sessions of a Citus cluster by global pid, if each still is and runs what was shown.
-- extension: citus
--
-- A statement is cancelled, or any one of the transaction that was seen; a session is terminated in that
-- transaction, or idle since then.
WITH session AS (
  SELECT pg_catalog.concat_ws(', ', w.gpid, pg_catalog.quote_literal(w.started), pg_catalog.quote_literal(c.at)) AS it,
         c.compared
    FROM ROWS FROM (pg_catalog.unnest(%(gpids)s::bigint[]), pg_catalog.unnest(%(started)s::text[]),
                    pg_catalog.unnest(%(statements)s::text[]), pg_catalog.unnest(%(transactions)s::text[]),
                    pg_catalog.unnest(%(idles)s::text[]))
         w(gpid, started, statement, transaction, idle_since)
   CROSS JOIN LATERAL (
         SELECT ', s.query_start' AS compared, w.statement AS at WHERE %(cancel)s
          UNION ALL SELECT ', s.xact_start', w.transaction WHERE w.transaction IS NOT NULL
          UNION ALL SELECT ', s.state_change', w.idle_since WHERE w.transaction IS NULL AND w.idle_since IS NOT NULL
          UNION ALL SELECT '', NULL
           WHERE NOT %(cancel)s AND w.transaction IS NULL AND w.idle_since IS NULL) c
), alike AS (
  SELECT '(s.global_pid, s.backend_start' || w.compared || ') IN ('
         || pg_catalog.string_agg('(' || w.it || ')', ', ') || ')' AS are
    FROM session w GROUP BY w.compared
), which AS (
  SELECT pg_catalog.cardinality(%(gpids)s::bigint[]) AS sessions,
         ' FROM pg_catalog.citus_stat_activity() s WHERE s.is_worker_query IS NOT TRUE AND ('
         || pg_catalog.string_agg(a.are, ' OR ' ORDER BY a.are) || ')'
         || CASE WHEN %(cancel)s THEN ' AND s.state = ''active''' ELSE '' END AS rows
    FROM alike a HAVING pg_catalog.count(*) > 0
)
SELECT 'SELECT pg_catalog.' || CASE WHEN %(cancel)s THEN 'pg_cancel_backend(s.global_pid)'
                                    ELSE 'pg_terminate_backend(s.global_pid)' END || w.rows AS sql,
       CASE WHEN %(cancel)s THEN 'cancels the running statement of ' ELSE 'terminates ' END || w.sessions
       || CASE w.sessions WHEN 1 THEN ' session' ELSE ' sessions' END
       || CASE WHEN %(cancel)s THEN ''
               WHEN %(open)s = 0 THEN ', without an open transaction now'
               WHEN w.sessions = 1 THEN ' and rolls back its open transaction'
               WHEN %(open)s = w.sessions THEN ' and rolls back their open transactions'
               ELSE ' and rolls back the open ' || CASE %(open)s WHEN 1 THEN 'transaction' ELSE 'transactions' END
                    || ' of ' || %(open)s || ' of them' END
       || ', with what it runs on other nodes' AS note,
       'SELECT pg_catalog.count(*) = 0, ''Still there after 5 s: global pid '' || pg_catalog.string_agg('
       's.global_pid::text, '', '') || ''. It ends at its next check for interrupts.''' || w.rows AS expect,
       5.0::float8 AS settle, false AS transaction
  FROM which w
