-- Whether this database has a ledger of migrations, and whether it can be read; one row.
-- `ledger` is null where there is none to read: its table is never named then.
SELECT pg_catalog.current_setting('server_version_num')::integer / 10000 AS major,
       CASE WHEN t.readable THEN t.oid::bigint END AS ledger,
       t.oid IS NOT NULL AND NOT t.readable AS unreadable
  FROM (SELECT 1) one
  LEFT JOIN LATERAL (
       SELECT c.oid, pg_catalog.has_schema_privilege(n.oid, 'USAGE')
                     AND pg_catalog.has_table_privilege(c.oid, 'SELECT') AS readable
         FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = 'public' AND c.relname = 'schema_migrations' AND c.relkind IN ('r', 'p')) t ON true
