-- Claims one job: one whose worker lost its lease, else the due one with the lowest priority. No row: none is due.
--
-- The second subquery is evaluated only if the first finds nothing.
UPDATE public.background_jobs j
   SET status = 'running', attempts = j.attempts + 1, locked_by = %(worker)s, locked_at = pg_catalog.now(),
       heartbeat_at = pg_catalog.now(), lease_until = pg_catalog.now() + %(lease)s::float8 * interval '1 second',
       last_error = CASE WHEN j.status = 'running' THEN 'The lease of ' || j.locked_by || ' ended.'
                         ELSE j.last_error END,
       retry_at = NULL, finished_at = NULL, progress = NULL, result = NULL
  FROM (SELECT d.id, d.locked_by, d.status
          FROM public.background_jobs d
         WHERE d.id = coalesce(
               (SELECT a.id FROM public.background_jobs a
                 WHERE a.status = 'running' AND a.lease_until < pg_catalog.now()
                   AND a.job_type <> ALL (%(others)s::text[])
                 ORDER BY a.priority, a.scheduled_for, a.id
                 LIMIT 1
                   FOR UPDATE SKIP LOCKED),
               (SELECT p.id FROM public.background_jobs p
                 WHERE p.status = 'pending' AND p.scheduled_for <= pg_catalog.now()
                   AND (p.retry_at IS NULL OR p.retry_at <= pg_catalog.now())
                   AND p.job_type <> ALL (%(others)s::text[])
                   AND (p.window_from IS NULL
                        OR CASE WHEN p.window_from < p.window_until
                                THEN (pg_catalog.now() AT TIME ZONE 'UTC')::time >= p.window_from
                                     AND (pg_catalog.now() AT TIME ZONE 'UTC')::time < p.window_until
                                ELSE (pg_catalog.now() AT TIME ZONE 'UTC')::time >= p.window_from
                                     OR (pg_catalog.now() AT TIME ZONE 'UTC')::time < p.window_until END)
                 ORDER BY p.priority, p.scheduled_for, p.id
                 LIMIT 1
                   FOR UPDATE SKIP LOCKED))) former
 WHERE j.id = former.id
RETURNING j.id, j.job_type, j.job_name, j.parameters::text AS parameters, j.attempts, j.max_attempts, j.scheduled_for,
          CASE WHEN former.status = 'running' THEN former.locked_by END AS abandoned_by,
          coalesce(j.repeat_from, j.scheduled_for) AS first,
          (12 * pg_catalog.date_part('year', j.repeat_every) + pg_catalog.date_part('month', j.repeat_every))::int
              AS months,
          pg_catalog.date_part('day', j.repeat_every)::int AS days,
          3600 * pg_catalog.date_part('hour', j.repeat_every) + 60 * pg_catalog.date_part('minute', j.repeat_every)
          + pg_catalog.date_part('second', j.repeat_every) AS seconds
