-- UPDATE that makes a job that ended without success pending again, with all its attempts.
--
-- Where the next occurrence of a recurring job is waiting already, this one becomes a job that runs once.
WITH job AS (
  SELECT j.*, j.repeat_every IS NOT NULL AND EXISTS (
         SELECT FROM public.background_jobs o
          WHERE o.id <> j.id AND o.status IN ('pending', 'running')
            AND (o.schedule_name = j.schedule_name
                 OR j.schedule_name IS NULL AND o.job_type = j.job_type AND o.job_name = j.job_name
                    AND o.repeat_every IS NOT NULL)) AS followed
    FROM public.background_jobs j
   WHERE j.id = %(job)s::bigint
)
SELECT pg_catalog.format('UPDATE public.background_jobs SET status = ''pending'', attempts = 0, retry_at = NULL, '
                         'finished_at = NULL%%s WHERE id = %%s AND status = %%L',
                         CASE WHEN j.followed THEN ', schedule_name = NULL, repeat_every = NULL' END, j.id, j.status)
         AS sql,
       pg_catalog.format('UPDATE public.background_jobs SET status = %%L, attempts = %%s, finished_at = %%L, '
                         'schedule_name = %%L, repeat_every = %%L WHERE id = %%s AND status = ''pending'' '
                         'AND attempts = 0', j.status, j.attempts, j.finished_at::text, j.schedule_name,
                         j.repeat_every::text, j.id) AS undo,
       'ROW EXCLUSIVE on public.background_jobs' AS lock, 'public.background_jobs' AS "on",
       CASE WHEN j.followed THEN 'runs once more; its next occurrence is in the queue already'
            ELSE 'pending again, with all its attempts' END AS note,
       pg_catalog.format('SELECT status <> %%L OR attempts > 0 FROM public.background_jobs WHERE id = %%s', j.status,
                         j.id) AS expect
  FROM job j
