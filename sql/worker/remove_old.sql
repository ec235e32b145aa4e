-- Removes some jobs that succeeded or were cancelled long ago, the oldest first, and says how many.
--
-- Of a recurring job the last `occurrences` stay. So do jobs of other programs, and those that failed.
WITH removed AS (
  DELETE FROM public.background_jobs j
   WHERE j.id = ANY (ARRAY(
         SELECT o.id
           FROM public.background_jobs o
          WHERE o.finished_at < pg_catalog.now() - %(days)s::float8 * interval '1 day'
            AND o.status IN ('succeeded', 'cancelled')
            AND (o.job_type = ANY (%(known)s::text[]) OR o.locked_by LIKE 'console %%')
            AND o.job_type <> ALL (%(others)s::text[])
            AND (o.schedule_name IS NULL
                 OR EXISTS (SELECT FROM public.background_jobs l
                             WHERE l.schedule_name = o.schedule_name AND l.scheduled_for > o.scheduled_for
                             ORDER BY l.scheduled_for DESC
                            OFFSET %(occurrences)s::int - 1))
          ORDER BY o.finished_at
          LIMIT %(most)s
            FOR UPDATE SKIP LOCKED))
     AND j.status IN ('succeeded', 'cancelled')
  RETURNING 1
)
SELECT pg_catalog.count(*) AS removed FROM removed
