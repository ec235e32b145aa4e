-- Recurring jobs with their next and last occurrences, as a list of rows.
-- lane: slow
-- TABLESAMPLE of all rows, because it refuses a view, whose code would run with the rights of whoever looks.
SELECT w.jobs, q.schedules
  FROM pg_catalog.unnest(%(jobs)s::bigint[]) w(jobs)
 CROSS JOIN LATERAL (
       SELECT pg_catalog.jsonb_agg(pg_catalog.to_jsonb(s) ORDER BY s.schedule) AS schedules
         FROM (SELECT j.schedule_name AS schedule, (pg_catalog.array_agg(j.job_type ORDER BY j.id DESC))[1] AS kind,
                      pg_catalog.max(j.id) FILTER (WHERE j.status IN ('pending', 'running')) AS id,
                      pg_catalog.max(j.scheduled_for) FILTER (WHERE j.status IN ('pending', 'running')) AS next,
                      pg_catalog.date_part('epoch', pg_catalog.max(j.scheduled_for)
                        FILTER (WHERE j.status IN ('pending', 'running')) - pg_catalog.now()) AS until,
                      pg_catalog.date_part('epoch', (pg_catalog.array_agg(j.repeat_every ORDER BY j.id DESC))[1])
                        AS every,
                      pg_catalog.max(j.status) FILTER (WHERE j.status IN ('pending', 'running')) AS state,
                      pg_catalog.date_part('epoch', pg_catalog.now() - pg_catalog.max(j.finished_at)) AS ended,
                      (pg_catalog.array_agg(j.status ORDER BY j.finished_at DESC)
                         FILTER (WHERE j.finished_at IS NOT NULL))[1] AS outcome,
                      (pg_catalog.array_agg(pg_catalog.date_part('epoch', j.finished_at - j.locked_at)
                         ORDER BY j.finished_at DESC) FILTER (WHERE j.finished_at IS NOT NULL))[1] AS seconds,
                      pg_catalog.avg(pg_catalog.date_part('epoch', j.finished_at - j.locked_at))
                        FILTER (WHERE j.status = 'succeeded') AS usual,
                      (pg_catalog.array_agg(pg_catalog.left(j.last_error, 500) ORDER BY j.finished_at DESC)
                         FILTER (WHERE j.finished_at IS NOT NULL))[1] AS error,
                      pg_catalog.count(*) FILTER (WHERE j.finished_at IS NOT NULL) AS runs
                 FROM public.background_jobs j TABLESAMPLE pg_catalog.system (100)
                WHERE j.schedule_name IS NOT NULL AND pg_catalog.isfinite(j.scheduled_for)
                GROUP BY j.schedule_name
                LIMIT 500) s) q
