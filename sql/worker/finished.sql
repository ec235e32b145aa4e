-- Whether a claim has already ended as this worker wanted it: the answer to its COMMIT may have been lost.
SELECT EXISTS (SELECT FROM public.background_jobs j
                WHERE j.id = %(id)s AND j.locked_by = %(worker)s AND j.attempts = %(attempt)s
                  AND j.status <> 'running') AS ended
