-- Sample data: what organizations, users and brands have besides: subscriptions, flags, sessions, notifications, files.
-- after: organizations

INSERT INTO public.subscriptions (organization_id, plan, status, seats, monthly_price, current_period_start,
    current_period_end, created_at)
SELECT t.id, o.plan, CASE WHEN t.rank % 13 = 0 THEN 'past_due' WHEN t.rank % 17 = 0 THEN 'trial' ELSE 'active' END,
       cardinality(t.users), CASE o.plan WHEN 'enterprise' THEN 4900 WHEN 'business' THEN 990 WHEN 'team' THEN 290
           ELSE 49 END,
       this_month, this_month + interval '1 month', t.created_at
  FROM size, tenant AS t JOIN public.organizations AS o USING (id)
UNION ALL
SELECT t.id, 'starter', 'cancelled', 3, 49, t.created_at, t.created_at + interval '6 months', t.created_at
  FROM tenant AS t WHERE t.rank % 3 = 0;

INSERT INTO public.feature_flags (organization_id, name, is_enabled, rollout_percent, description)
SELECT NULL::uuid, f.name, f.is_enabled, f.percent, f.description
  FROM (VALUES ('video_generation', true, 100, 'Clips of up to 30 seconds'),
      ('brand_voice_v2', true, 25, 'New tone model'),
               ('auto_publish', false, 0, 'Publish without approval'),
                   ('bulk_requests', true, 50, 'Requests from a spreadsheet'),
               ('new_editor', false, 10, 'Canvas editor')) AS f (name, is_enabled, percent, description)
UNION ALL
SELECT t.id, 'auto_publish', true, 100, 'Asked for by the customer' FROM tenant AS t WHERE t.rank <= 4
UNION ALL
SELECT t.id, 'new_editor', true, 100, 'Beta tester' FROM tenant AS t WHERE t.rank % 5 = 0;

INSERT INTO public.webhooks (organization_id, url, events, secret_ref, failure_count, last_called_at)
SELECT t.id, 'https://hooks.tenant' || t.rank || '.example/content', ARRAY['asset.ready', 'request.approved'],
    'webhook/' || t.rank,
       CASE WHEN t.rank % 11 = 0 THEN 37 ELSE 0 END, today - t.rank * interval '7 minutes'
  FROM size, tenant AS t WHERE t.rank % 2 = 0 OR t.rank <= 5;

INSERT INTO public.user_sessions (user_id, token_hash, client_ip, user_agent, created_at, last_seen_at, expires_at)
SELECT u.id, sha256(convert_to(u.id::text || s, 'UTF8')),
       ('10.' || (u.n % 200) || '.' || (u.n / 200 % 250) || '.' || (s * 17 % 250))::inet,
       pg_temp.pick(ARRAY['Firefox', 'Chrome', 'Safari', 'iOS app', 'Android app'], u.n * 10 + s, 13), began,
           began + interval '40 minutes', began + interval '30 days'
  FROM size, (SELECT id, row_number() OVER (ORDER BY id) AS n FROM public.users WHERE is_active) AS u,
      generate_series(1, 3) AS s,
       LATERAL (SELECT today - pg_temp.dice(u.n * 10 + s, 14) * interval '40 days' AS began) AS b;

INSERT INTO public.notifications (user_id, kind, body, payload, read_at, created_at)
SELECT u.id, k.kind, k.body, jsonb_build_object('n', i), CASE WHEN i < 27 THEN sent + interval '3 hours' END, sent
  FROM size, (SELECT id, row_number() OVER (ORDER BY id) AS n FROM public.users) AS u, generate_series(1, 30) AS i,
       LATERAL (SELECT today - (31 - i) * interval '5 days' + pg_temp.dice(u.n, i) * interval '4 days' AS sent,
                       pg_temp.pick(ARRAY['asset.ready', 'request.approved', 'comment.added', 'post.published'],
                           u.n * 40 + i, 15) AS kind,
                       'Something you follow has changed; open the request to see what is new.' AS body) AS k
 ORDER BY i, u.n;

INSERT INTO public.brand_assets (id, brand_profile_id, asset_type, name, file_url, is_active, usage_count, byte_size,
    created_at)
SELECT pg_temp.key(b.created_at + a * interval '3 hours', b.n * 100 + a, 17), b.id, k.kind,
       initcap(k.kind) || ' ' || a, 'https://cdn.example/' || b.n || '/' || k.kind || '-' || a, a % 9 <> 0,
       floor(40 / (pg_temp.dice(b.n * 100 + a, 18) + 0.02))::bigint,
           20000 + floor(pg_temp.dice(b.n * 100 + a, 19) * 4000000)::bigint,
       b.created_at + a * interval '3 hours'
  FROM brand AS b, generate_series(1, 20) AS a,
       LATERAL (SELECT pg_temp.pick(ARRAY['image', 'image', 'image', 'logo', 'font', 'video'], b.n * 100 + a,
           20) AS kind) AS k;
