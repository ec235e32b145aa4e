-- Whether this database has an audit table that this role can read; one row.
-- whole: yes
SELECT coalesce(t.readable, false) AS readable,
       t.oid IS NOT NULL AS present
  FROM (SELECT 1) one
  LEFT JOIN LATERAL (
       SELECT c.oid, pg_catalog.has_schema_privilege(n.oid, 'USAGE')
                     AND pg_catalog.has_table_privilege(c.oid, 'SELECT') AS readable
         FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = 'public' AND c.relname = 'console_audit' AND c.relkind IN ('r', 'p')) t ON true
