-- Jobs that failed, by when: found without reading those that succeeded.
-- transaction: no
-- locks: SHARE UPDATE EXCLUSIVE on public.background_jobs; reads and writes continue
CREATE INDEX CONCURRENTLY IF NOT EXISTS background_jobs_troubles_idx ON public.background_jobs (finished_at) WHERE status IN ('failed', 'dead', 'rejected');
