-- Sample data: the first refresh of the view, recorded.
-- after: measurements

DO $do$
DECLARE
    started timestamptz := clock_timestamp();
    filled  bigint;
BEGIN
    REFRESH MATERIALIZED VIEW public.mv_monthly_brand_performance;
    SELECT count(*) INTO filled FROM public.mv_monthly_brand_performance;
    INSERT INTO public.console_refreshes (schema_name, view_name, started_at, finished_at, seconds, row_count,
                                          is_concurrent)
    VALUES ('public', 'mv_monthly_brand_performance', started, clock_timestamp(),
            extract(epoch FROM clock_timestamp() - started)::double precision, filled, false);
END
$do$;

ANALYZE public.mv_monthly_brand_performance, public.console_refreshes;
