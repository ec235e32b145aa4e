-- Monthly performance of brands, and a record of when views were refreshed.

CREATE TABLE public.console_refreshes (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    schema_name   name NOT NULL,
    view_name     name NOT NULL,
    started_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    finished_at   timestamptz,
    seconds       double precision CHECK (seconds >= 0),
    row_count     bigint CHECK (row_count >= 0),
    is_concurrent boolean NOT NULL,
    refreshed_by  text NOT NULL DEFAULT session_user,
    error         text,
    CHECK (finished_at >= started_at)
);
CREATE INDEX console_refreshes_view_idx ON public.console_refreshes (schema_name, view_name, finished_at DESC);
COMMENT ON TABLE public.console_refreshes IS
    'Refreshes of materialized views. PostgreSQL does not keep when a view was refreshed; the age of its data is told from here.';
COMMENT ON COLUMN public.console_refreshes.schema_name IS 'By name, not by oid: the record outlives a view that is dropped and made again.';
COMMENT ON COLUMN public.console_refreshes.started_at IS 'The data of the view are as of this moment.';
COMMENT ON COLUMN public.console_refreshes.finished_at IS 'NULL: still running, or its session died.';
COMMENT ON COLUMN public.console_refreshes.error IS 'Why it failed; NULL when it succeeded.';
-- Who may watch the server may also see how old a view's data are.
GRANT SELECT ON public.console_refreshes TO pg_monitor;

-- Months are dates and "now" is read in UTC, or each refresh from another TimeZone would move every key. The window is
-- twelve whole months. Scores are averaged over assets, not over rows of analytics, and a missing metric counts as 0.
CREATE MATERIALIZED VIEW public.mv_monthly_brand_performance AS
WITH per_asset AS (
    SELECT ga.brand_profile_id,
           date_trunc('month', ca.performance_date::timestamp)::date AS month,
           ga.id,
           ga.compliance_score,
           sum(ca.impressions) AS impressions,
           sum(coalesce(ca.likes, 0)::numeric + coalesce(ca.shares, 0) + coalesce(ca.comments, 0)) AS engagement
      FROM public.content_analytics AS ca
      JOIN public.generated_assets AS ga ON ga.id = ca.generated_asset_id
     WHERE ca.performance_date >= (date_trunc('month', now() AT TIME ZONE 'UTC') - interval '11 months')::date
     GROUP BY 1, 2, 3, 4
)
SELECT bp.organization_id,
       bp.id,
       bp.name,
       a.month,
       count(*) AS total_assets,
       sum(a.impressions) AS total_impressions,
       sum(a.engagement) AS total_engagement,
       avg(a.compliance_score) AS avg_compliance_score
  FROM per_asset AS a
  JOIN public.brand_profiles AS bp ON bp.id = a.brand_profile_id
 GROUP BY 1, 2, 3, 4
WITH NO DATA;
-- REFRESH … CONCURRENTLY needs a unique index on plain columns, and a view that was filled once.
CREATE UNIQUE INDEX mv_monthly_brand_performance_key ON public.mv_monthly_brand_performance (id, month);
CREATE INDEX mv_monthly_brand_performance_organization_idx
    ON public.mv_monthly_brand_performance (organization_id, month DESC);
COMMENT ON MATERIALIZED VIEW public.mv_monthly_brand_performance IS
    'Assets, reach, engagement and compliance of each brand in the last twelve months (UTC, the current one included).';
COMMENT ON COLUMN public.mv_monthly_brand_performance.id IS 'The brand.';

DO $do$
DECLARE
    started timestamptz := clock_timestamp();
    filled  bigint;
BEGIN
    REFRESH MATERIALIZED VIEW public.mv_monthly_brand_performance;
    SELECT count(*) INTO filled FROM public.mv_monthly_brand_performance;
    INSERT INTO public.console_refreshes (schema_name, view_name, started_at, finished_at, seconds, row_count, is_concurrent)
    VALUES ('public', 'mv_monthly_brand_performance', started, clock_timestamp(),
            extract(epoch FROM clock_timestamp() - started)::double precision, filled, false);
END
$do$;
