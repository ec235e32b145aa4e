-- Sample data, last part: the first refresh of the view, recorded, and statistics of every table.
--
-- Apart from the changes, because statistics gathered in the transaction of a change miss its dead rows.

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

    -- Autovacuum never analyses a partitioned parent; ANALYZE of the parent also does its partitions.
    FOR target IN
        SELECT c.oid FROM pg_catalog.pg_class AS c
         WHERE c.relnamespace IN ('public'::regnamespace, 'demo'::regnamespace) AND c.relkind IN ('r', 'p', 'm')
             AND NOT c.relispartition
    LOOP
        EXECUTE format('ANALYZE %s', target);
    END LOOP;
    PERFORM gin_clean_pending_list(i.indexrelid)
       FROM pg_catalog.pg_index AS i
       JOIN pg_catalog.pg_class AS c ON c.oid = i.indexrelid
       JOIN pg_catalog.pg_am AS m ON m.oid = c.relam AND m.amname = 'gin'
      WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'i';
END
$do$;

DROP TABLE pg_temp.size, pg_temp.tenant, pg_temp.brand, pg_temp.request, pg_temp.asset;
