-- Queues the next occurrence of a recurring job: whether it was queued, and whether one is pending or running already.
WITH queued AS (
  INSERT INTO public.background_jobs (job_type, job_name, parameters, priority, max_attempts, scheduled_for,
         repeat_every, repeat_from, schedule_name, window_from, window_until)
  SELECT j.job_type, j.job_name, j.parameters, j.priority, j.max_attempts, %(at)s::timestamptz, j.repeat_every,
         coalesce(j.repeat_from, j.scheduled_for), j.schedule_name, j.window_from, j.window_until
    FROM public.background_jobs j
   WHERE j.id = %(id)s
  ON CONFLICT DO NOTHING
  RETURNING 1
)
SELECT EXISTS (SELECT FROM queued) AS queued,
       EXISTS (SELECT FROM public.background_jobs o, public.background_jobs j
                WHERE j.id = %(id)s AND o.schedule_name = j.schedule_name AND o.status IN ('pending', 'running'))
           AS waiting
