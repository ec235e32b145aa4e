-- One job of the queue: its state, its times, and how far its occurrences are apart.
SELECT j.id, j.job_type, j.job_name, j.status, j.scheduled_for, pg_catalog.now() AS at, j.schedule_name,
       coalesce(j.repeat_from, j.scheduled_for) AS first, j.window_from::text AS window_from,
       j.window_until::text AS window_until,
       (12 * pg_catalog.date_part('year', j.repeat_every) + pg_catalog.date_part('month', j.repeat_every))::int
           AS months,
       pg_catalog.date_part('day', j.repeat_every)::int AS days,
       3600 * pg_catalog.date_part('hour', j.repeat_every) + 60 * pg_catalog.date_part('minute', j.repeat_every)
       + pg_catalog.date_part('second', j.repeat_every) AS seconds
  FROM public.background_jobs j
 WHERE j.id = %(job)s::bigint
