-- UPDATE that cancels a pending or running job or dismisses one that failed, and INSERT of the next occurrence of a
-- recurring one, where it has one.
SELECT CASE WHEN j.status IN ('pending', 'running')
            THEN pg_catalog.format('UPDATE public.background_jobs SET status = ''cancelled'', '
                   'finished_at = pg_catalog.now(), last_error = ''Cancelled.'', lease_until = NULL '
                   'WHERE id = %%s AND status = %%L%%s', j.id, j.status,
                   CASE WHEN j.status = 'running' THEN pg_catalog.format(' AND locked_by = %%L', j.locked_by) END)
            ELSE pg_catalog.format('UPDATE public.background_jobs SET status = ''cancelled'', '
                   'finished_at = coalesce(finished_at, pg_catalog.now()) WHERE id = %%s AND status = %%L', j.id,
                   j.status) END AS sql,
       CASE WHEN j.status <> 'running' THEN pg_catalog.format(
         'UPDATE public.background_jobs SET status = %%L, finished_at = %%L, last_error = %%L '
         'WHERE id = %%s AND status = ''cancelled''', j.status, j.finished_at::text, j.last_error, j.id) END AS undo,
       'ROW EXCLUSIVE on public.background_jobs' AS lock, 'public.background_jobs' AS "on", 'jobs' AS "group",
       CASE WHEN j.status = 'running' THEN 'its worker stops it within a third of its lease'
            WHEN j.status <> 'pending' THEN 'was ' || j.status END AS note,
       pg_catalog.format('SELECT status <> %%L FROM public.background_jobs WHERE id = %%s', j.status, j.id) AS expect
  FROM public.background_jobs j
 WHERE j.id = %(job)s::bigint
UNION ALL
SELECT pg_catalog.format(
         'INSERT INTO public.background_jobs (job_type, job_name, parameters, priority, max_attempts, scheduled_for, '
         'repeat_every, repeat_from, schedule_name, window_from, window_until) SELECT job_type, job_name, parameters, '
         'priority, max_attempts, %%L, repeat_every, coalesce(repeat_from, scheduled_for), schedule_name, window_from, '
         'window_until FROM public.background_jobs WHERE id = %%s ON CONFLICT DO NOTHING',
         %(next)s::timestamptz::text, j.id),
       pg_catalog.format('DELETE FROM public.background_jobs WHERE job_type = %%L AND job_name = %%L '
                         'AND scheduled_for = %%L AND status = ''pending''', j.job_type, j.job_name,
                         %(next)s::timestamptz::text),
       'ROW EXCLUSIVE on public.background_jobs', 'public.background_jobs', 'jobs', 'the next occurrence', NULL
  FROM public.background_jobs j
 WHERE j.id = %(job)s::bigint AND %(next)s::timestamptz IS NOT NULL
