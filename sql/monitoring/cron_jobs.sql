-- Jobs of pg_cron that queue recurring jobs of this database, with their last runs, as a list of rows.
-- lane: slow
-- extension: pg_cron
-- grant: USAGE ON SCHEMA cron
-- A role sees its own jobs. Of the runs, which have no index by job, the last 500 are looked through.
SELECT w.jobs, q.crons,
       EXISTS (SELECT FROM pg_catalog.pg_stat_activity a WHERE a.backend_type = 'pg_cron launcher') AS launched,
       EXISTS (SELECT FROM pg_catalog.pg_class t JOIN pg_catalog.pg_roles r ON r.rolname = CURRENT_USER
                WHERE t.oid = w.jobs AND (t.relowner = r.oid OR r.rolsuper OR r.rolbypassrls)) AS visible
  FROM pg_catalog.unnest(%(jobs)s::bigint[]) w(jobs)
 CROSS JOIN LATERAL (
       SELECT pg_catalog.jsonb_agg(pg_catalog.to_jsonb(c) ORDER BY c.name) AS crons
         FROM (SELECT j.jobname::text AS name, j.schedule AS line, j.active, r.status,
                      pg_catalog.left(r.return_message, 500) AS message, pg_catalog.now() AS at
                 FROM cron.job j
                 LEFT JOIN LATERAL (
                      SELECT d.status, d.return_message
                        FROM (SELECT * FROM cron.job_run_details l ORDER BY l.runid DESC LIMIT 500) d
                       WHERE d.jobid = j.jobid
                       ORDER BY d.runid DESC
                       LIMIT 1) r ON true
                WHERE j.database = pg_catalog.current_database()
                  AND pg_catalog.starts_with(j.jobname::text, 'pipeline-console: ')
                ORDER BY j.jobid
                LIMIT 500) c) q
