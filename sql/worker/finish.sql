-- Ends an attempt: with a final status, or as pending, to be tried again in some seconds. No row: the claim was lost.
UPDATE public.background_jobs j
   SET status = %(status)s, last_error = %(error)s, result = %(result)s::jsonb, progress = NULL, lease_until = NULL,
       finished_at = CASE WHEN %(status)s <> 'pending' THEN pg_catalog.now() END,
       retry_at = CASE WHEN %(status)s = 'pending' THEN pg_catalog.now() + %(pause)s::float8 * interval '1 second' END,
       attempts = j.attempts - CASE WHEN %(returned)s THEN 1 ELSE 0 END
 WHERE j.id = %(id)s AND j.locked_by = %(worker)s AND j.attempts = %(attempt)s AND j.status = 'running'
RETURNING pg_catalog.now() AS at
