-- The job of pg_cron that queues a recurring job, as a statement that removes it.
-- grant: USAGE ON SCHEMA cron
SELECT pg_catalog.format('SELECT cron.unschedule(%%L)', j.jobname) AS sql,
       pg_catalog.format('SELECT cron.schedule(%%L, %%L, %%L)', j.jobname, j.schedule, j.command) AS undo,
       'ROW EXCLUSIVE on cron.job' AS lock, 'cron.job' AS "on", 'jobs' AS "group", 'pg_cron queues it no more' AS note
  FROM cron.job j
 WHERE j.database = pg_catalog.current_database() AND j.username = CURRENT_USER AND j.jobname::text = %(name)s::text
