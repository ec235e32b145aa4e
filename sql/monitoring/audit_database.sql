-- What consoles changed in this database: the newest thousand runs of its own audit table.
-- lane: slow
-- grant: SELECT ON public.console_audit
-- TABLESAMPLE of all rows, because it refuses a view, whose code would run with the rights of whoever looks.
-- A run is undone if the next run that has or runs the same undo statements is an undo.
WITH newest AS MATERIALIZED (
  SELECT a.run, a.started_at, a.action, a.subject, a.outcome, a.os_user, a.origin, a.changed_by, a.seconds,
         a.statements, a.undo, a.message
    FROM public.console_audit a TABLESAMPLE pg_catalog.system (100)
   ORDER BY a.started_at DESC
   LIMIT 1000
)
SELECT n.run, n.started_at AS at, n.action, n.subject,
       CASE WHEN n.outcome = 'done' AND u.action = 'undo' THEN 'undone' ELSE n.outcome END AS outcome,
       n.os_user, nullif(n.origin, '') AS origin, n.changed_by AS "user", n.seconds,
       pg_catalog.cardinality(n.statements) AS statements,
       pg_catalog.cardinality(n.undo) > 0 AND u.action IS DISTINCT FROM 'undo' AS undo, n.message
  FROM newest n
  LEFT JOIN LATERAL (SELECT l.action FROM newest l
                      WHERE l.started_at > n.started_at AND l.outcome = 'done' AND pg_catalog.cardinality(n.undo) > 0
                        AND (l.action = 'undo' AND l.statements = n.undo OR l.undo = n.undo)
                      ORDER BY l.started_at LIMIT 1) u ON true
 ORDER BY n.started_at DESC
