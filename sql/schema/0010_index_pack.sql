-- Indexes beyond keys and foreign keys, each with the question it answers.
--
-- Built plainly, because the tables are empty. On tables with rows the same indexes are built CONCURRENTLY.

-- The order of the index is the order of the question, and its predicate the literal list of statuses in the question:
-- no sort, the same few pages for the smallest and the largest tenant.
CREATE INDEX content_requests_dashboard_idx ON public.content_requests (organization_id, priority DESC, created_at DESC)
    WHERE status IN ('pending', 'processing', 'review');
COMMENT ON INDEX public.content_requests_dashboard_idx IS
    'Dashboard: organization_id = … AND status IN (''pending'', ''processing'', ''review'') ORDER BY priority DESC, created_at DESC. '
    'The list must be a literal in the text of the query.';

CREATE INDEX brand_assets_library_idx ON public.brand_assets (brand_profile_id, asset_type) INCLUDE (name, file_url) WHERE is_active;
COMMENT ON INDEX public.brand_assets_library_idx IS 'Asset library of a brand; without usage_count, which would end HOT updates.';

CREATE INDEX brand_profiles_settings_idx ON public.brand_profiles USING gin (settings jsonb_path_ops);
COMMENT ON INDEX public.brand_profiles_settings_idx IS 'Serves settings @> …, @? and @@; not the key test ?.';
CREATE INDEX generated_assets_metadata_idx ON public.generated_assets USING gin (metadata jsonb_path_ops);
COMMENT ON INDEX public.generated_assets_metadata_idx IS 'Serves metadata @> …, @? and @@; not the key test ?.';
CREATE INDEX generated_assets_model_idx ON public.generated_assets ((metadata ->> 'model'));
COMMENT ON INDEX public.generated_assets_model_idx IS 'Serves metadata ->> ''model'' = …, which the GIN index does not.';
CREATE INDEX content_templates_elements_idx ON public.content_templates USING gin ((layout_config -> 'elements') jsonb_path_ops);
COMMENT ON INDEX public.content_templates_elements_idx IS 'Serves layout_config -> ''elements'' @> … in exactly this form.';

-- The day of a timestamptz depends on the session unless a zone is named, and an index must not.
CREATE INDEX api_usage_organization_day_idx
    ON public.api_usage (organization_id, ((request_timestamp AT TIME ZONE 'UTC')::date)) INCLUDE (cost_per_request);
COMMENT ON INDEX public.api_usage_organization_day_idx IS
    'Cost per UTC day: group by (request_timestamp AT TIME ZONE ''UTC'')::date in exactly this form.';

-- numeric, because the sum inside the index would otherwise overflow and refuse the row.
CREATE INDEX content_analytics_engagement_idx ON public.content_analytics
    ((CASE WHEN impressions > 0
           THEN (coalesce(likes, 0)::numeric + coalesce(shares, 0) + coalesce(comments, 0)) / impressions
           ELSE 0 END));
COMMENT ON INDEX public.content_analytics_engagement_idx IS 'Engagement rate, in exactly this expression; a missing metric counts as 0.';
