-- What consoles changed in this database: the newest thousand runs of its own audit table.
-- lane: slow
-- TABLESAMPLE of all rows, because it refuses a view, whose code would run with the rights of whoever looks.
SELECT a.run, a.started_at AS at, a.action, a.subject, a.outcome, a.os_user, nullif(a.origin, '') AS origin,
       a.changed_by AS "user", a.seconds, pg_catalog.cardinality(a.statements) AS statements,
       pg_catalog.cardinality(a.undo) > 0 AS undo, a.message
  FROM public.console_audit a TABLESAMPLE pg_catalog.system (100)
 ORDER BY a.started_at DESC
 LIMIT 1000
