-- INSERT of each recurring job that is missing, and UPDATE of each that differs; `notice` for what is left as it is.
WITH wanted AS MATERIALIZED (
  SELECT w.*, w.every::interval AS period
    FROM pg_catalog.jsonb_to_recordset(%(entries)s::jsonb)
         AS w(name text, kind text, parameters jsonb, priority integer, max_attempts integer, every text,
              first timestamptz, next timestamptz, latest timestamptz, window_from time, window_until time,
              adopted bigint)
), live AS MATERIALIZED (
  SELECT j.* FROM public.background_jobs j
   WHERE j.status IN ('pending', 'running')
     AND (j.schedule_name IS NOT NULL OR j.id IN (SELECT w.adopted FROM wanted w))
), compared AS MATERIALIZED (
  SELECT w.*, l.id, l.status,
         l.repeat_every IS DISTINCT FROM w.period OR l.repeat_from IS DISTINCT FROM w.first AS other_times,
         l.scheduled_for > w.latest AS late, l.job_type AS former_kind, l.parameters AS former_parameters,
         l.priority AS former_priority, l.max_attempts AS former_attempts, l.scheduled_for, l.repeat_every::text,
         l.repeat_from, l.window_from AS former_from, l.window_until AS former_until, l.retry_at, l.job_name
    FROM wanted w
    LEFT JOIN live l ON l.schedule_name = w.name OR l.id = w.adopted
), differing AS MATERIALIZED (
  SELECT c.*, pg_catalog.concat_ws('; ',
           CASE WHEN c.adopted IS NOT NULL THEN 'adopts job ' || c.id || ', which does the same' END,
           CASE WHEN c.former_kind <> c.kind THEN 'kind ' || c.former_kind || ' to ' || c.kind END,
           CASE WHEN c.former_parameters <> c.parameters
                THEN 'parameters ' || c.former_parameters::text || ' to ' || c.parameters::text END,
           CASE WHEN c.former_priority <> c.priority THEN 'priority ' || c.former_priority || ' to ' || c.priority END,
           CASE WHEN c.former_attempts <> c.max_attempts
                THEN 'attempts ' || c.former_attempts || ' to ' || c.max_attempts END,
           CASE WHEN c.other_times THEN 'other times' WHEN c.late THEN 'its next run is too far ahead' END,
           CASE WHEN (c.former_from, c.former_until) IS DISTINCT FROM (c.window_from, c.window_until)
                THEN 'window ' || coalesce(c.former_from || '-' || c.former_until, 'none') || ' to '
                     || coalesce(c.window_from || '-' || c.window_until, 'none') END) AS what
    FROM compared c
   WHERE c.id IS NOT NULL
)
SELECT pg_catalog.format(
         'INSERT INTO public.background_jobs (schedule_name, job_name, job_type, parameters, priority, max_attempts, '
         'scheduled_for, repeat_every, repeat_from, window_from, window_until) '
         'VALUES (%%L, %%L, %%L, %%L, %%s, %%s, %%L, %%L, %%L, %%L, %%L) ON CONFLICT DO NOTHING',
         c.name, c.name, c.kind, c.parameters, c.priority, c.max_attempts, c.next::text, c.every, c.first::text,
         c.window_from, c.window_until) AS sql,
       pg_catalog.format('DELETE FROM public.background_jobs WHERE schedule_name = %%L '
                         'AND status = ''pending''', c.name) AS undo,
       'ROW EXCLUSIVE on public.background_jobs' AS lock, 'public.background_jobs' AS "on", 'jobs' AS "group",
       'new: first run ' || pg_catalog.to_char(c.next AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI') || ' UTC, then every '
         || c.every AS note,
       pg_catalog.format('SELECT EXISTS (SELECT FROM public.background_jobs WHERE schedule_name = %%L AND status IN '
                         '(''pending'', ''running''))', c.name) AS expect,
       NULL AS notice, c.name AS name
  FROM compared c
 WHERE c.id IS NULL
UNION ALL
SELECT pg_catalog.format(
         'UPDATE public.background_jobs SET job_type = %%L, parameters = %%L, priority = %%s, max_attempts = %%s, '
         'scheduled_for = %%L, repeat_every = %%L, repeat_from = %%L, window_from = %%L, window_until = %%L, '
         'schedule_name = %%L WHERE id = %%s AND status = ''pending''',
         d.kind, d.parameters, d.priority, d.max_attempts,
         CASE WHEN d.other_times OR d.late THEN d.next ELSE d.scheduled_for END::text, d.every, d.first::text,
         d.window_from, d.window_until, d.name, d.id),
       pg_catalog.format(
         'UPDATE public.background_jobs SET job_type = %%L, parameters = %%L, priority = %%s, max_attempts = %%s, '
         'scheduled_for = %%L, repeat_every = %%L, repeat_from = %%L, window_from = %%L, window_until = %%L, '
         'schedule_name = %%L WHERE id = %%s AND status = ''pending''',
         d.former_kind, d.former_parameters, d.former_priority, d.former_attempts, d.scheduled_for::text,
         d.repeat_every, d.repeat_from::text, d.former_from, d.former_until,
         CASE WHEN d.adopted IS NULL THEN d.name END, d.id),
       'ROW EXCLUSIVE on public.background_jobs', 'public.background_jobs', 'jobs', d.what,
       pg_catalog.format('SELECT EXISTS (SELECT FROM public.background_jobs WHERE id = %%s AND priority = %%s '
                         'AND repeat_every = %%L)', d.id, d.priority, d.every),
       NULL, d.name
  FROM differing d
 WHERE d.what <> '' AND d.status = 'pending'
UNION ALL
SELECT NULL, NULL, NULL, NULL, NULL, NULL, NULL,
       pg_catalog.format('%%s is running and differs (%%s): run schedule-jobs again once it has finished.', d.name,
                         d.what), d.name
  FROM differing d
 WHERE d.what <> '' AND d.status = 'running'
UNION ALL
SELECT NULL, NULL, NULL, NULL, NULL, NULL, NULL,
       pg_catalog.format('%%s is in the queue and not in the configuration: cancel-job --set job=%%s --set all=yes '
                         'ends it.', l.schedule_name, l.id), l.schedule_name
  FROM live l
 WHERE NOT EXISTS (SELECT FROM compared c WHERE c.id = l.id)
 ORDER BY name
