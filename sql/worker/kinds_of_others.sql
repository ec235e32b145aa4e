-- Kinds of pending jobs that another program than a worker of the console has run before.
SELECT k.job_type
  FROM (SELECT DISTINCT p.job_type FROM public.background_jobs p
         WHERE p.status = 'pending' AND p.job_type <> ALL (%(known)s::text[])) k
 WHERE EXISTS (SELECT FROM public.background_jobs o
                WHERE o.job_type = k.job_type AND o.status IN ('running', 'succeeded', 'failed')
                  AND coalesce(o.locked_by, '') NOT LIKE 'console %%')
