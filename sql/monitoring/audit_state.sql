-- Whether this database keeps an audit table that can be read; one row, with what would help when it cannot.
SELECT coalesce(t.readable, false) AS readable,
       CASE WHEN t.oid IS NULL THEN 'This database keeps no audit table; apply-schema makes public.console_audit.'
            WHEN NOT t.readable THEN 'GRANT SELECT ON public.console_audit TO this role.' ELSE '' END AS note
  FROM (SELECT 1) one
  LEFT JOIN LATERAL (
       SELECT c.oid, pg_catalog.has_schema_privilege(n.oid, 'USAGE')
                     AND pg_catalog.has_table_privilege(c.oid, 'SELECT') AS readable
         FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = 'public' AND c.relname = 'console_audit' AND c.relkind IN ('r', 'p')) t ON true
