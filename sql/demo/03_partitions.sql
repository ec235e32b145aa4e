-- Sample data: partitions from the oldest data to three months ahead.
-- after: prepare
--
-- The oldest of each table is made by the function that makes them ahead of need, the others directly: nobody else uses
-- the tables yet, so they need not be made apart and attached.

DO $do$
DECLARE
    series   record;
    settings text;
    child    text;
    month    timestamp;
BEGIN
    FOR series IN
        SELECT p.parent, p.since, p.ahead,
               CASE WHEN p.parent LIKE 'content%' THEN '' ELSE ' 00:00:00+00' END AS midnight
          FROM size,
               LATERAL (VALUES ('content_analytics', first_live_day, 3),
                               ('content_analytics_archive', first_day, -30),
                               ('api_usage', this_month - interval '11 months', 3),
                               ('user_activity_logs', this_month - interval '5 months', 3)) AS p (parent, since, ahead)
    LOOP
        month := date_trunc('month', series.since AT TIME ZONE 'UTC');
        PERFORM public.ensure_partition(format('public.%I', series.parent)::regclass, month::date);
        SELECT array_to_string(c.reloptions, ', ') INTO settings
          FROM pg_catalog.pg_inherits AS i
          JOIN pg_catalog.pg_class AS c ON c.oid = i.inhrelid
         WHERE i.inhparent = format('public.%I', series.parent)::regclass
         LIMIT 1;
        FOR month IN
            SELECT m FROM generate_series(month, date_trunc('month', now() AT TIME ZONE 'UTC')
                                                 + make_interval(months => series.ahead), interval '1 month') AS m
        LOOP
            child := format('%s_%s', series.parent, to_char(month, 'YYYY_MM'));
            IF to_regclass(format('public.%I', child)) IS NULL THEN
                EXECUTE format('CREATE TABLE public.%I PARTITION OF public.%I FOR VALUES FROM (%L) TO (%L) WITH (%s)',
                               child, series.parent, month::date || series.midnight,
                               (month + interval '1 month')::date || series.midnight, settings);
            END IF;
        END LOOP;
    END LOOP;
END
$do$;
