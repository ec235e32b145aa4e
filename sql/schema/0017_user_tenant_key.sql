-- Users by organisation: the key that foreign keys with the organisation refer to.
-- transaction: no
-- locks: SHARE UPDATE EXCLUSIVE on public.users; reads and writes continue
CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS users_organization_id_id_key ON public.users (organization_id, id);
