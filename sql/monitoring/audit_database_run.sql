-- The statements of one run that took effect, and those that undo it.
-- lane: slow
-- grant: SELECT ON public.console_audit
-- TABLESAMPLE of all rows, because it refuses a view, whose code would run with the rights of whoever looks.
SELECT 'done' AS status, s.sql
  FROM public.console_audit a TABLESAMPLE pg_catalog.system (100)
      CROSS JOIN LATERAL pg_catalog.unnest(a.statements) WITH ORDINALITY s(sql, at)
 WHERE a.run = %(run)s
UNION ALL
SELECT 'undo', s.sql
  FROM public.console_audit a TABLESAMPLE pg_catalog.system (100)
      CROSS JOIN LATERAL pg_catalog.unnest(a.undo) WITH ORDINALITY s(sql, at)
 WHERE a.run = %(run)s
