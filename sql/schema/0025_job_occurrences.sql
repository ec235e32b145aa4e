-- The occurrences of a recurring job, the last one first.
-- transaction: no
-- locks: SHARE UPDATE EXCLUSIVE on public.background_jobs; reads and writes continue
CREATE INDEX CONCURRENTLY IF NOT EXISTS background_jobs_occurrences_idx ON public.background_jobs (schedule_name, scheduled_for) WHERE schedule_name IS NOT NULL;
