-- Validates the checks of 0022. A lost index of 0023 is reported, because without it a recurring job could run twice.
-- locks: SHARE UPDATE EXCLUSIVE on background_jobs while it is scanned

DO $do$
BEGIN
    IF EXISTS (SELECT FROM pg_catalog.pg_index AS i
                WHERE i.indexrelid = 'public.background_jobs_schedule_idx'::regclass AND NOT i.indisvalid) THEN
        RAISE EXCEPTION 'The build of background_jobs_schedule_idx was interrupted and left it invalid: run repair-invalid-indexes, then apply-schema again.'
            USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
END
$do$;

ALTER TABLE public.background_jobs
    VALIDATE CONSTRAINT background_jobs_status_check,
    VALIDATE CONSTRAINT background_jobs_window_check,
    VALIDATE CONSTRAINT background_jobs_schedule_name_length;
COMMENT ON INDEX public.background_jobs_schedule_idx IS
    'Queuing the next occurrence of a recurring job twice does nothing: INSERT … ON CONFLICT DO NOTHING.';
