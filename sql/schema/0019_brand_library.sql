-- The asset library of a brand without the type of an asset, which is a text of unknown length.
-- transaction: no
-- locks: SHARE UPDATE EXCLUSIVE on public.brand_assets; reads and writes continue
CREATE INDEX CONCURRENTLY IF NOT EXISTS brand_assets_newest_idx ON public.brand_assets (brand_profile_id, created_at DESC) WHERE is_active;
