-- The index of the asset library holds no text of unknown length, because a long address would refuse the row.
-- locks: ACCESS EXCLUSIVE on public.brand_assets while its index is built anew; the table is small beside the others
--
-- An entry of a B-tree has at most 2,704 bytes, columns under INCLUDE among them, and signed addresses can be longer.

DROP INDEX IF EXISTS public.brand_assets_library_idx;
CREATE INDEX brand_assets_library_idx ON public.brand_assets (brand_profile_id, asset_type, created_at DESC) WHERE is_active;
COMMENT ON INDEX public.brand_assets_library_idx IS
    'Asset library of a brand by type, active ones only, newest first; without usage_count, which would end HOT updates.';
