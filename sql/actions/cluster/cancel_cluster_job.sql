-- The statement that cancels a background job of Citus; and why it may not be cancelled.
-- extension: citus
SELECT pg_catalog.format('SELECT pg_catalog.citus_job_cancel(%%s)', j.job_id) AS sql,
       pg_catalog.format('%%s, %%s; what it has done stays', j.job_type, j.state) AS note,
       pg_catalog.format('SELECT j.state IN (''cancelled'', ''finished'', ''failed''), '
         || '''Job %%s is still '' || j.state || ''.'' FROM pg_catalog.pg_dist_background_job j WHERE j.job_id = %%s',
                         j.job_id, j.job_id) AS expect,
       10.0::float8 AS settle, false AS transaction,
       CASE WHEN j.job_id IS NULL THEN 'There is no background job ' || w.job || '.'
            WHEN j.state NOT IN ('scheduled', 'running', 'failing')
            THEN 'Background job ' || w.job || ' is ' || j.state || '.' END AS refused
  FROM (SELECT %(job)s::bigint AS job) w
  LEFT JOIN pg_catalog.pg_dist_background_job j ON j.job_id = w.job
