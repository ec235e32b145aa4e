-- Recurring jobs that are pending or running: those that schedule-jobs keeps have a name, the others have none.
SELECT j.id, j.schedule_name, j.job_type, j.job_name, j.parameters::text AS parameters
  FROM public.background_jobs j
 WHERE j.status IN ('pending', 'running') AND (j.schedule_name IS NOT NULL OR j.repeat_every IS NOT NULL)
 ORDER BY j.id
 LIMIT 5000
