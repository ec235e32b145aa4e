-- The five hundred background jobs that ended last, as a list of rows.
-- lane: slow
-- TABLESAMPLE of all rows, because it refuses a view, whose code would run with the rights of whoever looks.
SELECT w.jobs, q.history
  FROM pg_catalog.unnest(%(jobs)s::bigint[]) w(jobs)
 CROSS JOIN LATERAL (
       SELECT pg_catalog.jsonb_agg(pg_catalog.to_jsonb(j) ORDER BY j.finished_at DESC) AS history
         FROM (SELECT b.id, coalesce(nullif(pg_catalog.left(b.job_name, 200), ''), b.job_type) AS job,
                      b.job_type AS kind, b.status, b.finished_at, b.attempts, b.locked_by AS worker,
                      pg_catalog.date_part('epoch', b.finished_at - b.locked_at) AS seconds,
                      coalesce(b.result ->> 'message', pg_catalog.left(b.last_error, 500)) AS message
                 FROM public.background_jobs b TABLESAMPLE pg_catalog.system (100)
                WHERE pg_catalog.isfinite(b.finished_at)
                ORDER BY b.finished_at DESC
                LIMIT 500) j) q
