-- A recurring job has one pending or running occurrence.
-- transaction: no
-- locks: SHARE UPDATE EXCLUSIVE on public.background_jobs; reads and writes continue
CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS background_jobs_schedule_idx ON public.background_jobs (schedule_name) WHERE schedule_name IS NOT NULL AND status IN ('pending', 'running');
