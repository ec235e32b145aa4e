-- Whether this database keeps samples of sizes and limits that this role can read; one row.
SELECT coalesce(t.readable, false) AS readable, t.oid IS NOT NULL AS present
  FROM (SELECT 1) always
  LEFT JOIN LATERAL (
       SELECT c.oid, pg_catalog.has_schema_privilege(n.oid, 'USAGE')
                     AND pg_catalog.has_table_privilege(c.oid, 'SELECT') AS readable
         FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = 'public' AND c.relname = 'capacity_samples' AND c.relkind IN ('r', 'p')) t ON true
