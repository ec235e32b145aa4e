-- Background jobs that are running or pending, and those that failed in the last week, as a list of rows.
-- lane: slow
-- TABLESAMPLE of all rows, because it refuses a view, whose code would run with the rights of whoever looks.
SELECT w.jobs, q.queue
  FROM pg_catalog.unnest(%(jobs)s::bigint[]) w(jobs)
 CROSS JOIN LATERAL (
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
                      CASE b.status WHEN 'running' THEN 0 WHEN 'pending' THEN 2 ELSE 1 END AS place
                 FROM public.background_jobs b TABLESAMPLE pg_catalog.system (100)
                WHERE pg_catalog.isfinite(b.scheduled_for)
                  AND (b.status IN ('running', 'pending')
                       OR b.status IN ('failed', 'dead', 'rejected')
                          AND b.finished_at > pg_catalog.now() - interval '7 days')
                ORDER BY place, b.priority, b.scheduled_for, b.id
                LIMIT 500) j) q
