-- Background jobs that are running or pending, and those that failed in the last week, as a list of rows.
-- Of each of the three at most 500 are read, through an index of its own.
-- lane: slow
-- grant: SELECT ON public.background_jobs
-- `plain` is never read: TABLESAMPLE refuses a view, whose code would run with the rights of whoever looks. Its lock
-- keeps the table from being replaced by a view before the other references to it are resolved.
SELECT w.jobs, q.queue
  FROM pg_catalog.unnest(%(jobs)s::bigint[]) w(jobs)
 CROSS JOIN LATERAL (
       WITH plain AS (SELECT FROM public.background_jobs TABLESAMPLE pg_catalog.system (0)), listed AS (
         (SELECT 0 AS place, r.* FROM public.background_jobs r
           WHERE r.status = 'running' AND pg_catalog.isfinite(r.scheduled_for)
           ORDER BY r.heartbeat_at
           LIMIT 500)
          UNION ALL
         (SELECT 1, f.* FROM public.background_jobs f
           WHERE f.status IN ('failed', 'dead', 'rejected') AND f.finished_at > pg_catalog.now() - interval '7 days'
             AND pg_catalog.isfinite(f.scheduled_for)
           ORDER BY f.finished_at DESC
           LIMIT 500)
          UNION ALL
         (SELECT 2, p.* FROM public.background_jobs p
           WHERE p.status = 'pending' AND pg_catalog.isfinite(p.scheduled_for)
           ORDER BY p.priority, p.scheduled_for, p.id
           LIMIT 500)
       )
       SELECT pg_catalog.jsonb_agg(pg_catalog.to_jsonb(j) ORDER BY j.place, j.priority, j.due, j.id) AS queue
         FROM (SELECT b.id, coalesce(nullif(pg_catalog.left(b.job_name, 200), ''), b.job_type) AS job,
                      b.job_type AS kind, b.status, b.scheduled_for AS due, b.attempts, b.max_attempts,
                      pg_catalog.date_part('epoch', pg_catalog.now() - greatest(b.scheduled_for, b.retry_at)) AS late,
                      b.locked_by AS worker, b.progress, pg_catalog.left(b.last_error, 500) AS error, b.priority,
                      b.schedule_name AS schedule,
                      pg_catalog.date_part('epoch', pg_catalog.now() - b.locked_at) AS running,
                      pg_catalog.date_part('epoch', pg_catalog.now() - b.heartbeat_at) AS heartbeat,
                      pg_catalog.date_part('epoch', pg_catalog.now() - b.finished_at) AS ended,
                      b.lease_until < pg_catalog.now() AS lost,
                      b.window_from IS NULL
                      OR CASE WHEN b.window_from < b.window_until
                              THEN (pg_catalog.now() AT TIME ZONE 'UTC')::time >= b.window_from
                                   AND (pg_catalog.now() AT TIME ZONE 'UTC')::time < b.window_until
                              ELSE (pg_catalog.now() AT TIME ZONE 'UTC')::time >= b.window_from
                                   OR (pg_catalog.now() AT TIME ZONE 'UTC')::time < b.window_until END AS opened,
                      b.place
                 FROM listed b
                ORDER BY b.place, b.priority, b.scheduled_for, b.id
                LIMIT 500) j) q
