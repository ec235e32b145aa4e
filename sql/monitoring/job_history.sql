-- The five hundred background jobs that ended last, as a list of rows.
-- lane: slow
-- grant: SELECT ON public.background_jobs
-- `plain` is never read: TABLESAMPLE refuses a view, whose code would run with the rights of whoever looks. Its lock
-- keeps the table from being replaced by a view before the other references to it are resolved.
SELECT w.jobs, q.history
  FROM pg_catalog.unnest(%(jobs)s::bigint[]) w(jobs)
 CROSS JOIN LATERAL (
       WITH plain AS (SELECT FROM public.background_jobs TABLESAMPLE pg_catalog.system (0))
       SELECT pg_catalog.jsonb_agg(pg_catalog.to_jsonb(j) ORDER BY j.finished_at DESC) AS history
         FROM (SELECT b.id, coalesce(nullif(pg_catalog.left(b.job_name, 200), ''), b.job_type) AS job,
                      b.job_type AS kind, b.status, b.finished_at, b.attempts, b.locked_by AS worker,
                      pg_catalog.date_part('epoch', b.finished_at - b.locked_at) AS seconds,
                      coalesce(b.result ->> 'message', pg_catalog.left(b.last_error, 500)) AS message
                 FROM public.background_jobs b
                WHERE b.finished_at > '-infinity' AND b.finished_at < 'infinity'
                ORDER BY b.finished_at DESC
                LIMIT 500) j) q
