-- The time of the server, and the times for which occurrences of recurring jobs are in the queue that ended already.
SELECT pg_catalog.now() AS at, j.schedule_name, j.scheduled_for
  FROM (SELECT) AS always
  LEFT JOIN public.background_jobs j
    ON j.schedule_name IS NOT NULL AND j.scheduled_for > pg_catalog.now() AND j.status NOT IN ('pending', 'running')
