-- Jobs of pg_cron that queue recurring jobs: statements that add, correct and remove them, or `notice`.
-- grant: USAGE ON SCHEMA cron
--
-- With the clock pg_cron a recurring job that is pending loses its interval: it runs once more, and pg_cron queues the
-- next. With the clock worker the jobs of pg_cron are removed. Jobs of other roles are not visible, and stay.
WITH wanted AS MATERIALIZED (
  SELECT w.*, pg_catalog.format(
           'INSERT INTO public.background_jobs (schedule_name, job_name, job_type, parameters, priority, max_attempts, '
           'scheduled_for, window_from, window_until) SELECT %%L, %%L, %%L, %%L::jsonb, %%s, %%s, '
           'pg_catalog.date_trunc(''minute'', pg_catalog.now()), %%L::time, %%L::time%%s ON CONFLICT DO NOTHING',
           w.name, w.name, w.kind, w.parameters, w.priority, w.max_attempts, w.window_from, w.window_until,
           CASE WHEN w.month_day IS NOT NULL
                THEN pg_catalog.format(
                  ' WHERE pg_catalog.date_part(''day'', pg_catalog.now() AT TIME ZONE ''UTC'') = least(%%s, '
                  'pg_catalog.date_part(''day'', '
                  'pg_catalog.date_trunc(''month'', pg_catalog.now() AT TIME ZONE ''UTC'') '
                  '+ interval ''1 month -1 day''))', w.month_day) END) AS command
    FROM pg_catalog.jsonb_to_recordset(%(entries)s::jsonb)
         AS w(name text, kind text, parameters jsonb, priority integer, max_attempts integer, cron_name text,
              cron text, month_day integer, window_from time, window_until time, adopted bigint)
   WHERE %(clock)s::text = 'pg_cron'
), present AS MATERIALIZED (
  SELECT j.jobname::text AS cron_name, j.schedule AS cron, j.command, j.active
    FROM cron.job j
   WHERE j.database = pg_catalog.current_database() AND j.username = CURRENT_USER
     AND pg_catalog.starts_with(j.jobname::text, %(prefix)s::text)
), compared AS MATERIALIZED (
  SELECT w.*, p.cron_name IS NOT NULL AS there, p.cron AS former_cron, p.command AS former_command, p.active,
         pg_catalog.concat_ws('; ',
           CASE WHEN p.cron <> w.cron THEN 'times ' || p.cron || ' to ' || w.cron END,
           CASE WHEN p.command <> w.command THEN 'another statement' END,
           CASE WHEN NOT p.active THEN 'was not active' END) AS what
    FROM wanted w LEFT JOIN present p ON p.cron_name = w.cron_name
), live AS MATERIALIZED (
  SELECT w.name, j.id, j.status, j.schedule_name, j.repeat_every, j.repeat_from
    FROM wanted w
    JOIN public.background_jobs j
      ON (j.schedule_name = w.name OR j.id = w.adopted) AND j.status IN ('pending', 'running')
   WHERE j.repeat_every IS NOT NULL
)
SELECT 1 AS place, c.name,  -- the upsert of cron.schedule does not make a job active again
       pg_catalog.format('SELECT cron.unschedule(%%L)', c.cron_name) AS sql,
       pg_catalog.format('SELECT cron.schedule(%%L, %%L, %%L)', c.cron_name, c.former_cron, c.former_command) AS undo,
       'ROW EXCLUSIVE on cron.job' AS lock, 'cron.job' AS "on", 'jobs' AS "group", c.what AS note, NULL AS expect,
       NULL AS notice
  FROM compared c
 WHERE c.there AND NOT c.active
UNION ALL
SELECT 2, c.name, pg_catalog.format('SELECT cron.schedule(%%L, %%L, %%L)', c.cron_name, c.cron, c.command),
       CASE WHEN c.active
            THEN pg_catalog.format('SELECT cron.schedule(%%L, %%L, %%L)', c.cron_name, c.former_cron, c.former_command)
            ELSE pg_catalog.format('SELECT cron.unschedule(%%L)', c.cron_name) END,
       'ROW EXCLUSIVE on cron.job', 'cron.job', 'jobs',
       CASE WHEN c.there THEN c.what ELSE 'new: pg_cron queues it at ' || c.cron || ' UTC' END,
       pg_catalog.format('SELECT EXISTS (SELECT FROM cron.job WHERE jobname::text = %%L AND schedule = %%L AND active)',
                         c.cron_name, c.cron), NULL
  FROM compared c
 WHERE NOT c.there OR c.what <> ''
UNION ALL
SELECT 3, l.name,
       pg_catalog.format('UPDATE public.background_jobs SET schedule_name = %%L, repeat_every = NULL, '
                         'repeat_from = NULL WHERE id = %%s AND status = ''pending''', l.name, l.id),
       pg_catalog.format('UPDATE public.background_jobs SET schedule_name = %%L, repeat_every = %%L, '
                         'repeat_from = %%L WHERE id = %%s AND status = ''pending''', l.schedule_name,
                         l.repeat_every::text, l.repeat_from::text, l.id),
       'ROW EXCLUSIVE on public.background_jobs', 'public.background_jobs', 'jobs',
       'runs once more as it is queued; then pg_cron queues it', NULL, NULL
  FROM live l
 WHERE l.status = 'pending'
UNION ALL
SELECT 4, l.name, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
       pg_catalog.format('%%s is running, and its worker will queue the next: run schedule-jobs again once it has '
                         'finished.', l.name)
  FROM live l
 WHERE l.status = 'running'
UNION ALL
SELECT 5, p.cron_name, pg_catalog.format('SELECT cron.unschedule(%%L)', p.cron_name),
       pg_catalog.format('SELECT cron.schedule(%%L, %%L, %%L)', p.cron_name, p.cron, p.command),
       'ROW EXCLUSIVE on cron.job', 'cron.job', 'jobs', 'the worker queues it from now on', NULL, NULL
  FROM present p
 WHERE %(clock)s::text = 'worker'
UNION ALL
SELECT 6, p.cron_name, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
       pg_catalog.format('%%s is a job of pg_cron and not in the configuration: SELECT cron.unschedule(%%L) ends it.',
                         p.cron_name, p.cron_name)
  FROM present p
 WHERE %(clock)s::text = 'pg_cron' AND NOT EXISTS (SELECT FROM wanted w WHERE w.cron_name = p.cron_name)
 ORDER BY place, name
