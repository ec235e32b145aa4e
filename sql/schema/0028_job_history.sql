-- Jobs that ended, by when: for the history, and to remove old ones.
-- transaction: no
-- locks: SHARE UPDATE EXCLUSIVE on public.background_jobs; reads and writes continue
CREATE INDEX CONCURRENTLY IF NOT EXISTS background_jobs_finished_idx ON public.background_jobs (finished_at) WHERE finished_at IS NOT NULL;
