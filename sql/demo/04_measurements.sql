-- Sample data: analytics of published assets over 33 months, calls to providers over a year, activity over half a year.

-- An asset is measured on days 1, 2, 3, 5, 8, 13, 21, 34 and 55. Reach has a heavy tail: few posts get most of it, and
-- a very few pass the 2.1 billion of an integer.
WITH measured AS MATERIALIZED (
    SELECT nextval((SELECT pg_get_serial_sequence('public.content_analytics', 'id')::regclass)) AS id, m.*
      FROM (SELECT a.id AS generated_asset_id, d.day AS performance_date,
                   (ARRAY['instagram', 'tiktok', 'linkedin', 'youtube'])[1 + a.n % 4] AS platform,
                   i.impressions,
                   floor(i.impressions * (0.01 + 0.06 * pg_temp.dice(a.n, 70)))::bigint AS likes,
                   CASE WHEN a.n % 31 <> 0 THEN floor(i.impressions * 0.008 * pg_temp.dice(a.n, 71))::bigint END
                       AS shares,
                   floor(i.impressions * 0.005 * pg_temp.dice(a.n, 72))::bigint AS comments,
                   CASE WHEN a.n % 4 <> 1 THEN floor(i.impressions * 0.012 * pg_temp.dice(a.n, 73))::bigint END
                       AS clicks,
                   (d.day + time '03:10') AT TIME ZONE 'UTC' AS collected_at
              FROM size, asset AS a, unnest(ARRAY[1, 2, 3, 5, 8, 13, 21, 34, 55]) WITH ORDINALITY AS k (days, step),
                   LATERAL (SELECT (a.created_at AT TIME ZONE 'UTC')::date + k.days AS day) AS d,
                   LATERAL (SELECT floor(80 * (pg_temp.dice(a.n, 74) + 0.0005) ^ -1.1 / (0.5 + k.step * 0.3)
                                         * CASE WHEN a.n % 1499 = 7 THEN 3e7 ELSE 1 END)::bigint AS impressions) AS i
             WHERE a.status = 'published' AND d.day <= (today AT TIME ZONE 'UTC')::date
             ORDER BY d.day, a.n) AS m
), live AS (
    SELECT (first_live_day AT TIME ZONE 'UTC')::date AS since FROM size
), archived AS (
    INSERT INTO public.content_analytics_archive
           (id, generated_asset_id, performance_date, platform, impressions, likes, shares, comments, clicks,
               collected_at)
    SELECT id, generated_asset_id, performance_date, platform, impressions, likes, shares, comments, clicks,
        collected_at
      FROM measured WHERE performance_date < (SELECT since FROM live)
)
INSERT INTO public.content_analytics
       (id, generated_asset_id, performance_date, platform, impressions, likes, shares, comments, clicks, collected_at)
SELECT id, generated_asset_id, performance_date, platform, impressions, likes, shares, comments, clicks, collected_at
  FROM measured WHERE performance_date >= (SELECT since FROM live);

INSERT INTO public.api_usage (organization_id, user_id, provider_id, request_timestamp, endpoint, units,
    cost_per_request, latency_ms, status_code)
SELECT t.id, t.users[1 + floor(pg_temp.dice(i, 80) * cardinality(t.users))::integer], p.id,
       begins + (today - begins) * (i::double precision / api_calls) ^ 0.8,
       p.endpoint, u.units, round((p.unit_cost * u.units)::numeric, 6),
           floor(120 * (pg_temp.dice(i, 81) + 0.02) ^ -0.8)::integer,
       CASE WHEN pg_temp.dice(i, 82) < 0.97 THEN 200 WHEN pg_temp.dice(i, 82) < 0.99 THEN 429 ELSE 503 END
  FROM size, generate_series(1, api_calls) AS i,
       LATERAL (SELECT this_month - interval '11 months' AS begins) AS b,
       LATERAL (SELECT floor((organizations + 1) ^ pg_temp.dice(i, 83))::integer AS rank, 1 + i % 4 AS units) AS u,
       tenant AS t,
       (SELECT row_number() OVER (ORDER BY id) AS k, id, unit_cost, '/v1/' || kind || '/generate' AS endpoint
           FROM public.api_providers) AS p
 WHERE t.rank = u.rank AND p.k = (ARRAY[1, 1, 1, 2, 2, 3, 4, 5])[1 + i % 8]
 ORDER BY i;

INSERT INTO public.user_activity_logs (organization_id, user_id, created_at, action, entity, entity_id)
SELECT t.id, t.users[1 + floor(pg_temp.dice(i, 90) ^ 2 * cardinality(t.users))::integer],
       begins + (today - begins) * (i::double precision / activities),
       pg_temp.pick(ARRAY['view', 'view', 'view', 'search', 'edit', 'comment', 'approve', 'download', 'login'], i, 91),
       pg_temp.pick(ARRAY['content_request', 'content_request', 'asset', 'brand'], i, 92), (i % 997)::text
  FROM size, generate_series(1, activities) AS i,
       LATERAL (SELECT this_month - interval '5 months' AS begins) AS b,
       LATERAL (SELECT floor((organizations + 1) ^ pg_temp.dice(i, 93))::integer AS rank) AS r
  JOIN tenant AS t ON t.rank = r.rank
 ORDER BY i;

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
       (VALUES ('partition_maintenance', 'create monthly partitions',
                '{"tables": ["api_usage", "user_activity_logs", "content_analytics"], "months_ahead": 3}', 1,
                    interval '0'),
               ('refresh_views', 'monthly brand performance', '{"view": "public.mv_monthly_brand_performance"}', 3,
                   interval '2 hours'),
               ('archive_analytics', 'analytics past retention',
                   '{"table": "content_analytics", "older_than": "24 months"}', 5, interval '3 hours'),
               ('vacuum', 'weekly upkeep', '{"tables": ["content_requests", "generated_assets"]}', 7,
                   interval '4 hours'))
           AS j (job_type, job_name, parameters, priority, at),
       generate_series(-59, 1) AS n,
       LATERAL (SELECT date_trunc('day', today AT TIME ZONE 'UTC') AT TIME ZONE 'UTC' + n * interval '1 day' + j.at
           AS due,
                       n % 23 = -7 AND j.priority = 5 AS failed) AS d
 WHERE n < 1 OR due > today;
