-- The queue of background jobs, and why it cannot be used as one; no row: there is no such table.
SELECT c.oid::bigint AS oid, c.relkind::text AS kind,
       CASE WHEN c.relkind <> 'r' THEN 'public.background_jobs is not an ordinary table.'
            WHEN (SELECT pg_catalog.count(*) FROM pg_catalog.pg_attribute a
                   WHERE a.attrelid = c.oid AND a.attname IN ('lease_until', 'retry_at', 'schedule_name')
                     AND NOT a.attisdropped) < 3
            THEN 'public.background_jobs lacks columns that the worker needs.'
            WHEN NOT pg_catalog.pg_has_role(c.relowner, 'USAGE')
                 AND NOT (SELECT r.rolsuper FROM pg_catalog.pg_roles r WHERE r.rolname = CURRENT_USER)
            THEN 'Only the owner of public.background_jobs may change its jobs.' END AS refused,
       CASE WHEN pg_catalog.pg_has_role(c.relowner, 'USAGE')
            THEN 'Run apply-schema; a database without a ledger of migrations needs adopt-schema.'
            ELSE pg_catalog.format('Connect as %%I.', pg_catalog.pg_get_userbyid(c.relowner)) END AS remedy
  FROM pg_catalog.pg_class c
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname = 'public' AND c.relname = 'background_jobs'
