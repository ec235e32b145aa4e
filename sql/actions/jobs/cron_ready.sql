-- How many jobs of the console pg_cron has for this role, and why pg_cron cannot be the clock here.
-- grant: USAGE ON SCHEMA cron
SELECT (SELECT pg_catalog.count(*)::int FROM cron.job j
         WHERE j.database = pg_catalog.current_database() AND j.username = CURRENT_USER
           AND pg_catalog.starts_with(j.jobname::text, %(prefix)s::text)) AS scheduled,
       CASE WHEN coalesce(pg_catalog.current_setting('cron.timezone', true), 'GMT') NOT IN ('GMT', 'UTC', 'Etc/UTC')
            THEN 'pg_cron counts in the time zone ' || pg_catalog.current_setting('cron.timezone', true)
                 || ', and recurring jobs are declared in UTC.' END AS refused,
       'Set cron.timezone to GMT and restart the server, or let the worker be the clock.' AS remedy
