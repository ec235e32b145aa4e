-- Why this role may not run jobs of background_jobs here, and the remedy; nulls where it may.
WITH queue AS (
  SELECT c.oid, c.relkind, c.relowner,
         (SELECT pg_catalog.count(*) = 3 FROM pg_catalog.pg_attribute a
           WHERE a.attrelid = c.oid AND a.attname IN ('lease_until', 'retry_at', 'schedule_name')
             AND NOT a.attisdropped) AS complete,
         EXISTS (SELECT FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid
                  WHERE i.indrelid = c.oid AND i.indisunique AND i.indisvalid
                    AND x.relname = 'background_jobs_schedule_idx') AS guarded,
         EXISTS (SELECT FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid
                  WHERE i.indrelid = c.oid AND i.indisunique AND i.indisvalid
                    AND x.relname = 'background_jobs_once_idx') AS queued_once
    FROM pg_catalog.pg_class c
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
   WHERE n.nspname = 'public' AND c.relname = 'background_jobs'
), role AS (
  SELECT r.rolname FROM pg_catalog.pg_roles r WHERE r.rolsuper AND r.rolname IN (CURRENT_USER, SESSION_USER) LIMIT 1
)
SELECT CASE WHEN pg_catalog.pg_is_in_recovery() THEN 'This server is a standby, which is read-only.'
            WHEN r.rolname IS NOT NULL THEN 'The worker does not run as a superuser, and ' || r.rolname || ' is one.'
            WHEN q.oid IS NULL THEN 'There is no table public.background_jobs in this database.'
            WHEN q.relkind <> 'r' THEN 'public.background_jobs is not an ordinary table.'
            WHEN NOT pg_catalog.pg_has_role(q.relowner, 'USAGE')
            THEN 'The worker runs as the owner of public.background_jobs, ' || pg_catalog.pg_get_userbyid(q.relowner)
                 || ', and ' || CURRENT_USER || ' is not a member of it.'
            WHEN NOT (q.complete AND q.guarded AND q.queued_once)
            THEN 'public.background_jobs lacks columns or indexes of the expected schema.' END AS refused,
       CASE WHEN pg_catalog.pg_is_in_recovery() THEN 'Give the primary as target.'
            WHEN r.rolname IS NOT NULL THEN 'Connect as the owner of the tables, such as pipeline_owner.'
            WHEN q.oid IS NULL THEN 'pipeline-console setup creates it.'
            WHEN q.relkind = 'r' AND NOT pg_catalog.pg_has_role(q.relowner, 'USAGE') THEN 'Connect as its owner.'
            ELSE 'Run apply-schema; a database without a ledger of migrations needs adopt-schema.' END AS remedy
  FROM (SELECT) one
  LEFT JOIN queue q ON true
  LEFT JOIN role r ON true
