-- Sample data: what was changed in the product, and background jobs.
-- after: content

INSERT INTO public.audit_events (organization_id, actor_id, action, entity, entity_id, details, client_ip, created_at)
SELECT r.organization_id, CASE WHEN r.n % 4 <> 0 THEN r.requested_by END, 'request.' || r.status, 'content_request',
    r.id::text,
       jsonb_build_object('status', r.status), ('10.1.' || r.n % 250 || '.7')::inet, r.updated_at
  FROM request AS r
 ORDER BY r.updated_at;

INSERT INTO public.background_jobs (job_type, job_name, parameters, status, priority, scheduled_for, repeat_every,
    attempts, locked_by, finished_at, last_error, created_at)
SELECT j.job_type, j.job_name, j.parameters::jsonb,
       CASE WHEN due > today THEN 'pending' WHEN failed THEN 'failed' ELSE 'succeeded' END,
       j.priority, due, interval '1 day', CASE WHEN due > today THEN 0 WHEN failed THEN 5 ELSE 1 END,
       CASE WHEN due <= today THEN 'worker-' || 1 + n % 3 END,
       CASE WHEN due <= today THEN due + (1 + 20 * pg_temp.dice(n, 95)) * interval '1 second' END,
       CASE WHEN due <= today AND failed THEN 'canceling statement due to lock timeout' END, due - interval '1 day'
  FROM size,
       (VALUES ('partition_maintenance', 'create partitions', '{}', 1, interval '0'),
               ('refresh_views', 'refresh views', '{}', 3, interval '2 hours'),
               ('archive', 'archive analytics', '{}', 5, interval '3 hours'),
               ('maintenance', 'vacuum content_requests', '{"command": "VACUUM ANALYZE content_requests"}', 7,
                   interval '4 hours'))
           AS j (job_type, job_name, parameters, priority, at),
       generate_series(-59, 1) AS n,
       LATERAL (SELECT date_trunc('day', today AT TIME ZONE 'UTC') AT TIME ZONE 'UTC' + n * interval '1 day' + j.at
           AS due,
                       n % 23 = -7 AND j.priority = 5 AS failed) AS d
 WHERE due <= today + interval '1 day';  -- one occurrence of each is still to come
