-- The brand and the user of a request belong to its organisation; indexes over texts of unknown length go.
-- locks: ACCESS EXCLUSIVE for a moment on the tables named; no table is scanned
--
-- Foreign keys are added NOT VALID, which holds for every new row, and validated by 0021. An index that a killed build left
-- invalid is no key: repair-invalid-indexes builds it again, then this file is applied again.

DO $do$
DECLARE
    broken text;
BEGIN
    SELECT string_agg(i.indexrelid::regclass::text, ', ') INTO broken
      FROM pg_catalog.pg_index AS i
     WHERE NOT i.indisvalid
       AND i.indexrelid IN ('public.brand_profiles_organization_id_id_key'::regclass, 'public.users_organization_id_id_key'::regclass,
                            'public.generated_assets_model_prefix_idx'::regclass, 'public.brand_assets_newest_idx'::regclass);
    IF broken IS NOT NULL THEN
        RAISE EXCEPTION 'The build of % was interrupted and left it invalid: run repair-invalid-indexes, then apply-schema again.', broken
            USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
END
$do$;

ALTER TABLE public.brand_profiles
    ADD CONSTRAINT brand_profiles_organization_id_id_key UNIQUE USING INDEX brand_profiles_organization_id_id_key;
ALTER TABLE public.users ADD CONSTRAINT users_organization_id_id_key UNIQUE USING INDEX users_organization_id_id_key;

ALTER TABLE public.content_requests
    ADD CONSTRAINT content_requests_brand_of_organization_fkey FOREIGN KEY (organization_id, brand_profile_id)
        REFERENCES public.brand_profiles (organization_id, id) NOT VALID,
    ADD CONSTRAINT content_requests_user_of_organization_fkey FOREIGN KEY (organization_id, requested_by)
        REFERENCES public.users (organization_id, id) NOT VALID;
ALTER TABLE public.content_templates
    ADD CONSTRAINT content_templates_brand_of_organization_fkey FOREIGN KEY (organization_id, brand_profile_id)
        REFERENCES public.brand_profiles (organization_id, id) NOT VALID;

DROP INDEX IF EXISTS public.brand_profiles_organization_idx;
DROP INDEX IF EXISTS public.generated_assets_model_idx;
ALTER INDEX public.generated_assets_model_prefix_idx RENAME TO generated_assets_model_idx;
DROP INDEX IF EXISTS public.brand_assets_library_idx;
ALTER INDEX public.brand_assets_newest_idx RENAME TO brand_assets_library_idx;

COMMENT ON INDEX public.generated_assets_model_idx IS
    'Serves "left"(metadata ->> ''model'', 64) = … in exactly this form; metadata @> {"model": …} is served by the GIN index.';
COMMENT ON INDEX public.brand_assets_library_idx IS
    'Asset library of a brand: active ones only, newest first, of one type or of all; without usage_count, which would end HOT updates.';
COMMENT ON COLUMN public.generated_assets.metadata IS
    'Model, size, seed and the like. Ask with @> (GIN index), or "left"(metadata ->> ''model'', 64) = … (B-tree index).';
