-- Queues the next occurrence of a recurring job: whether it was queued, and whether one is pending or running already.
WITH waiting AS MATERIALIZED (
  SELECT j.id AS of
    FROM public.background_jobs j
    JOIN public.background_jobs o
      ON o.id <> j.id AND o.status IN ('pending', 'running')
     AND (o.schedule_name = j.schedule_name
          OR j.schedule_name IS NULL AND o.job_type = j.job_type AND o.job_name = j.job_name
             AND o.repeat_every IS NOT NULL)
   WHERE j.id = %(id)s
), queued AS (
  INSERT INTO public.background_jobs (job_type, job_name, parameters, priority, max_attempts, scheduled_for,
         repeat_every, repeat_from, schedule_name, window_from, window_until)
  SELECT j.job_type, j.job_name, j.parameters, j.priority, j.max_attempts, %(at)s::timestamptz, j.repeat_every,
         coalesce(j.repeat_from, j.scheduled_for), j.schedule_name, j.window_from, j.window_until
    FROM public.background_jobs j
   WHERE j.id = %(id)s AND NOT EXISTS (SELECT FROM waiting)
  ON CONFLICT DO NOTHING
  RETURNING 1
)
SELECT EXISTS (SELECT FROM queued) AS queued, EXISTS (SELECT FROM waiting) AS waiting
