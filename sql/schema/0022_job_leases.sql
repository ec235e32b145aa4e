-- What a worker needs of background_jobs: leases, recurrence, windows, results, and the statuses dead and rejected.
-- locks: ACCESS EXCLUSIVE on background_jobs for a moment; the table is not scanned
--
-- The checks are added NOT VALID, which holds for every new row, and validated by 0026.

ALTER TABLE public.background_jobs
    ADD COLUMN schedule_name text,
    ADD COLUMN repeat_from timestamptz,
    ADD COLUMN window_from time,
    ADD COLUMN window_until time,
    ADD COLUMN retry_at timestamptz,
    ADD COLUMN lease_until timestamptz,
    ADD COLUMN progress text,
    ADD COLUMN result jsonb;
ALTER TABLE public.background_jobs
    DROP CONSTRAINT background_jobs_status_check,
    ADD CONSTRAINT background_jobs_status_check CHECK (status IN (
        'pending', 'running', 'succeeded', 'failed', 'dead', 'rejected', 'cancelled')) NOT VALID,
    ADD CONSTRAINT background_jobs_window_check CHECK ((window_from IS NULL) = (window_until IS NULL)) NOT VALID,
    ADD CONSTRAINT background_jobs_schedule_name_length CHECK (octet_length(schedule_name) <= 200) NOT VALID;

COMMENT ON COLUMN public.background_jobs.status IS
    'failed: one attempt failed and no other follows. dead: max_attempts failed. rejected: not a job that a worker may run; nothing ran.';
COMMENT ON COLUMN public.background_jobs.repeat_every IS
    'NULL: runs once. Else the next row is queued for the first repeat_from + n × repeat_every (UTC) that is still to come.';
COMMENT ON COLUMN public.background_jobs.attempts IS 'How often it was claimed. One that was given back does not count.';
COMMENT ON COLUMN public.background_jobs.locked_by IS
    'The claim: the worker and a random part that no other claim has. A completion under another claim is refused.';
COMMENT ON COLUMN public.background_jobs.schedule_name IS
    'Name of the recurring job that this row is an occurrence of. Only one occurrence is pending or running.';
COMMENT ON COLUMN public.background_jobs.repeat_from IS
    'The occurrence that all others are counted from, so that a month from the 31st does not drift. NULL: scheduled_for.';
COMMENT ON COLUMN public.background_jobs.window_from IS
    'UTC. It begins only from window_from to window_until, which may be after midnight. NULL: at any time.';
COMMENT ON COLUMN public.background_jobs.retry_at IS 'Not before: when the next attempt is due after one that failed.';
COMMENT ON COLUMN public.background_jobs.lease_until IS
    'While it is running: from this time on another worker may take it. Each heartbeat of its worker extends it.';
