-- Whether this database has a queue of background jobs that this role can read, and how many workers are connected.
-- `jobs` is null where there is none to read: its table is never named then.
SELECT CASE WHEN t.readable AND t.complete THEN t.oid::bigint END AS jobs,
       t.oid IS NOT NULL AND NOT t.readable AS unreadable, t.oid IS NOT NULL AND NOT t.complete AS outdated,
       (SELECT pg_catalog.count(*) FROM pg_catalog.pg_stat_activity a
         WHERE a.datname = pg_catalog.current_database() AND a.application_name = 'pipeline-console worker') AS workers,
       EXISTS (SELECT FROM pg_catalog.pg_extension e WHERE e.extname = 'pg_cron') AS cron
  FROM (SELECT 1) always
  LEFT JOIN LATERAL (
       SELECT c.oid, pg_catalog.has_schema_privilege(n.oid, 'USAGE')
                     AND pg_catalog.has_table_privilege(c.oid, 'SELECT') AS readable,
              (SELECT pg_catalog.count(*) = 3 FROM pg_catalog.pg_attribute a
                WHERE a.attrelid = c.oid AND NOT a.attisdropped
                  AND a.attname IN ('lease_until', 'retry_at', 'schedule_name')) AS complete
         FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = 'public' AND c.relname = 'background_jobs' AND c.relkind IN ('r', 'p')) t ON true
