-- Sample data, last part: the first refresh of the view, recorded.
-- after: statistics usage_statistics measurements_statistics

DO $do$
DECLARE
    started timestamptz := clock_timestamp();
    filled  bigint;
    target  regclass;
BEGIN
    REFRESH MATERIALIZED VIEW public.mv_monthly_brand_performance;
    SELECT count(*) INTO filled FROM public.mv_monthly_brand_performance;
    INSERT INTO public.console_refreshes (schema_name, view_name, started_at, finished_at, seconds, row_count,
                                          is_concurrent)
    VALUES ('public', 'mv_monthly_brand_performance', started, clock_timestamp(),
            extract(epoch FROM clock_timestamp() - started)::double precision, filled, false);

    PERFORM gin_clean_pending_list(i.indexrelid)
       FROM pg_catalog.pg_index AS i
       JOIN pg_catalog.pg_class AS c ON c.oid = i.indexrelid
       JOIN pg_catalog.pg_am AS m ON m.oid = c.relam AND m.amname = 'gin'
      WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'i';
END
$do$;

ANALYZE public.mv_monthly_brand_performance, public.console_refreshes;
DROP TABLE size, tenant, brand, request, asset, postponed;
DROP PROCEDURE build, gather_statistics;
