-- Brands by organisation: the key that foreign keys with the organisation refer to.
-- transaction: no
-- locks: SHARE UPDATE EXCLUSIVE on public.brand_profiles; reads and writes continue
CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS brand_profiles_organization_id_id_key ON public.brand_profiles (organization_id, id);
