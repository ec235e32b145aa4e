-- Extends the lease of a claimed job and says how far it is. No row: the lease was lost to another worker.
UPDATE public.background_jobs j
   SET heartbeat_at = pg_catalog.now(), lease_until = pg_catalog.now() + %(lease)s::float8 * interval '1 second',
       progress = %(progress)s
 WHERE j.id = %(id)s AND j.locked_by = %(worker)s AND j.attempts = %(attempt)s AND j.status = 'running'
RETURNING j.id
