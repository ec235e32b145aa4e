-- Recurring jobs with their next and last occurrences, as a list of rows.
-- Names are found by skipping from one to the next in an index; of each the last 50 occurrences are read.
-- lane: slow
-- grant: SELECT ON public.background_jobs
-- `plain` is never read: TABLESAMPLE refuses a view, whose code would run with the rights of whoever looks. Its lock
-- keeps the table from being replaced by a view before the other references to it are resolved.
SELECT w.jobs, q.schedules
  FROM pg_catalog.unnest(%(jobs)s::bigint[]) w(jobs)
 CROSS JOIN LATERAL (
       WITH RECURSIVE plain AS (SELECT FROM public.background_jobs TABLESAMPLE pg_catalog.system (0)), named AS (
         (SELECT f.schedule_name AS name FROM public.background_jobs f
           WHERE f.schedule_name IS NOT NULL
           ORDER BY f.schedule_name
           LIMIT 1)
          UNION ALL
         SELECT (SELECT f.schedule_name FROM public.background_jobs f
                  WHERE f.schedule_name > n.name
                  ORDER BY f.schedule_name
                  LIMIT 1)
           FROM named n
          WHERE n.name IS NOT NULL
       ), schedule AS MATERIALIZED (
         SELECT n.name FROM named n WHERE n.name IS NOT NULL LIMIT 500
       )
       SELECT pg_catalog.jsonb_agg(pg_catalog.to_jsonb(s) ORDER BY s.schedule) AS schedules
         FROM (SELECT h.name AS schedule, coalesce(l.job_type, o.kind) AS kind, l.id, l.scheduled_for AS next,
                      pg_catalog.date_part('epoch', l.scheduled_for - pg_catalog.now()) AS until,
                      pg_catalog.date_part('epoch', e.every) AS every,
                      (12 * pg_catalog.date_part('year', e.every) + pg_catalog.date_part('month', e.every))::int
                        AS every_months,
                      pg_catalog.date_part('day', e.every)::int AS every_days,
                      3600 * pg_catalog.date_part('hour', e.every) + 60 * pg_catalog.date_part('minute', e.every)
                      + pg_catalog.date_part('second', e.every) AS every_seconds, l.status AS state,
                      pg_catalog.date_part('epoch', pg_catalog.now() - o.finished_at) AS ended, o.outcome, o.seconds,
                      o.usual, o.error, o.runs
                 FROM schedule h
                 LEFT JOIN public.background_jobs l
                   ON l.schedule_name = h.name AND l.status IN ('pending', 'running')
                      AND pg_catalog.isfinite(l.scheduled_for)
                CROSS JOIN LATERAL (
                      SELECT (pg_catalog.array_agg(j.job_type ORDER BY j.id DESC))[1] AS kind,
                             (pg_catalog.array_agg(j.repeat_every ORDER BY j.id DESC))[1] AS every,
                             pg_catalog.max(j.finished_at) AS finished_at,
                             (pg_catalog.array_agg(j.status ORDER BY j.finished_at DESC)
                                FILTER (WHERE j.finished_at IS NOT NULL))[1] AS outcome,
                             (pg_catalog.array_agg(pg_catalog.date_part('epoch', j.finished_at - j.locked_at)
                                ORDER BY j.finished_at DESC) FILTER (WHERE j.finished_at IS NOT NULL))[1] AS seconds,
                             pg_catalog.avg(pg_catalog.date_part('epoch', j.finished_at - j.locked_at))
                               FILTER (WHERE j.status = 'succeeded') AS usual,
                             (pg_catalog.array_agg(pg_catalog.left(j.last_error, 500) ORDER BY j.finished_at DESC)
                                FILTER (WHERE j.finished_at IS NOT NULL))[1] AS error,
                             pg_catalog.count(*) FILTER (WHERE j.finished_at IS NOT NULL) AS runs
                        FROM (SELECT * FROM public.background_jobs b
                               WHERE b.schedule_name = h.name
                                 AND b.scheduled_for > '-infinity' AND b.scheduled_for < 'infinity'
                               ORDER BY b.scheduled_for DESC
                               LIMIT 50) j) o
                CROSS JOIN LATERAL (SELECT coalesce(l.repeat_every, o.every) AS every) e
                WHERE l.id IS NOT NULL OR o.kind IS NOT NULL) s) q
