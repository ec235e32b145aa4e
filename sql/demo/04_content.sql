-- Sample data: requests over 33 months with growing demand, their assets, reviews and posts; kept for ever.
-- after: organizations

-- The rank of a tenant is log-uniform: the first gets about a fifth of all work, the last quarter of them almost none.
INSERT INTO public.content_requests (id, organization_id, brand_profile_id, requested_by, template_id, title,
    description, content_brief,
                                     status, priority, content_type, target_platforms, due_at, created_at, updated_at,
                                         completed_at)
SELECT pg_temp.key(made_at, i, 30), t.id, t.brands[b.n],
    t.users[1 + floor(pg_temp.dice(i, 31) ^ 1.5 * cardinality(t.users))::integer],
       (SELECT c.id FROM public.content_templates AS c WHERE c.brand_profile_id = t.brands[b.n]
           ORDER BY c.id OFFSET i % 2 LIMIT 1),
       w.subject || ' ' || w.format,
       CASE WHEN i % 7 <> 0 THEN 'For the ' || w.moment || ' campaign: ' || lower(w.subject) || ' as ' || w.format
           || ', aimed at ' || w.audience || '.' END,
       CASE WHEN i % 20 <> 0 THEN
           'Show ' || lower(w.subject) || ' in use, '
               || pg_temp.pick(ARRAY['bright daylight', 'soft evening light', 'a plain studio', 'a busy street',
               'a quiet kitchen'], i, 32)
           || '. Speak to ' || w.audience || '. '
               || pg_temp.pick(ARRAY['End with a question.', 'Name the price.', 'No text on the picture.',
                                                                         'Leave room for the logo in the corner.',
                                                                             'Use the seasonal palette.'], i, 33) END,
       s.status,
       CASE WHEN pg_temp.dice(i, 34) < 0.05 THEN 10 WHEN pg_temp.dice(i, 34) < 0.2 THEN 8
           WHEN pg_temp.dice(i, 34) < 0.75 THEN 5 ELSE 2 END,
       w.kind,
       (ARRAY['{instagram}', '{instagram,tiktok}', '{linkedin}', '{instagram,linkedin}',
           '{tiktok,youtube}'])[1 + i % 5]::text[],
       made_at + interval '9 days', made_at,
       CASE WHEN s.status IN ('pending', 'processing', 'review') THEN made_at ELSE f.done END,
       CASE WHEN s.status IN ('approved', 'completed') THEN f.done END
  FROM size, generate_series(1, requests) AS i,
       LATERAL (SELECT first_day + (today - first_day) * ((i - pg_temp.dice(i, 35)) / requests) ^ 0.7 AS made_at
                OFFSET 0) AS m,
       LATERAL (SELECT floor((organizations + 1) ^ pg_temp.dice(i, 36))::integer AS rank) AS r
  JOIN tenant AS t ON t.rank = r.rank,
       LATERAL (SELECT 1 + floor(pg_temp.dice(i, 37) ^ 2 * cardinality(t.brands))::integer AS n OFFSET 0) AS b,
       LATERAL (SELECT least(made_at + pg_temp.dice(i, 38) * interval '6 days', today) AS done OFFSET 0) AS f,
       LATERAL (SELECT CASE
                           WHEN (i > requests * 0.94 AND pg_temp.dice(i, 39) < 0.7) OR pg_temp.dice(i, 39) < 0.01
                               THEN (ARRAY['pending', 'pending', 'processing', 'review', 'review'])[1 + i % 5]
                           WHEN pg_temp.dice(i, 40) < 0.84 THEN 'completed'
                               WHEN pg_temp.dice(i, 40) < 0.9 THEN 'approved'
                           WHEN pg_temp.dice(i, 40) < 0.94 THEN 'rejected'
                               WHEN pg_temp.dice(i, 40) < 0.97 THEN 'cancelled'
                           ELSE 'failed' END AS status OFFSET 0) AS s,
       LATERAL (SELECT pg_temp.pick(ARRAY['Trail running shoes', 'Cold brew', 'Linen bedding', 'Weekend bag',
           'Running app', 'Oat bar', 'Electric bike',
                                          'Vitamin serum', 'City break', 'Board game night', 'Savings account',
                                              'Rain jacket', 'Solar panel', 'Ceramic mug',
                                          'Yoga class', 'Family ticket', 'Noise-cancelling headphones',
                                              'Plant-based burger', 'Desk lamp', 'Sun cream'], i, 41)
                       || CASE WHEN i % 4 = 0 THEN pg_temp.pick(ARRAY[' in spring', ' for beginners', ' under 50',
                           ' for the office'], i, 42) ELSE '' END AS subject,
                       (ARRAY['post', 'story', 'reel', 'carousel', 'ad'])[1 + i % 5] AS kind,
                       (ARRAY['launch post', 'behind-the-scenes story', 'how-to reel', 'five-slide carousel',
                           'retargeting ad'])[1 + i % 5] AS format,
                       pg_temp.pick(ARRAY['spring', 'summer', 'back-to-school', 'holiday', 'always-on'], i,
                           43) AS moment,
                       pg_temp.pick(ARRAY['young families', 'commuters', 'first-time buyers', 'loyal customers',
                           'students', 'small businesses'], i, 44)
                           AS audience OFFSET 0) AS w
 ORDER BY made_at;

CREATE UNLOGGED TABLE request AS
SELECT row_number() OVER (ORDER BY r.created_at, r.id) AS n, r.id, r.organization_id, r.brand_profile_id,
    r.requested_by, r.status, r.created_at,
       r.updated_at, r.content_type, t.rank, t.users
  FROM public.content_requests AS r JOIN tenant AS t ON t.id = r.organization_id;
ANALYZE request;

UPDATE public.content_requests AS r
   SET campaign_id = c.id
  FROM public.campaigns AS c
 WHERE c.brand_profile_id = r.brand_profile_id AND r.created_at BETWEEN c.starts_on AND c.ends_on
     AND hashint8extended(extract(day FROM r.created_at)::bigint, 45) % 3 = 0;

INSERT INTO public.generation_jobs (id, content_request_id, provider_id, status, model, prompt, attempt, error,
    created_at, started_at, finished_at)
SELECT pg_temp.key(r.created_at, r.n, 50), r.id, p.id,
       CASE r.status WHEN 'pending' THEN 'queued' WHEN 'processing' THEN 'running' WHEN 'failed' THEN 'failed'
           ELSE 'succeeded' END,
       p.name || '-' || 1 + r.n % 3, 'Brand voice, ' || r.content_type || ', three variants',
           1 + (pg_temp.dice(r.n, 51) ^ 8 * 4)::integer,
       CASE r.status WHEN 'failed' THEN 'provider answered 503 after 3 attempts' END, r.created_at,
       CASE WHEN r.status <> 'pending' THEN r.created_at + interval '4 seconds' END,
       CASE WHEN r.status NOT IN ('pending', 'processing') THEN r.created_at + (5 + 90 * pg_temp.dice(r.n, 52)) *
           interval '1 second' END
  FROM request AS r
  JOIN public.api_providers AS p ON p.name = CASE r.content_type WHEN 'reel' THEN 'reelmaker' WHEN 'ad' THEN 'inkwell'
      ELSE 'pixelforge' END;

-- Finished requests and those in review have three to nine variants, failed and pending ones none: five a request in
-- the mean.
INSERT INTO public.generated_assets (id, content_request_id, brand_profile_id, asset_type, status, file_url, metadata,
    compliance_score, created_at)
SELECT pg_temp.key(made_at, a.n, 53), r.id, r.brand_profile_id, k.kind,
       CASE WHEN r.status IN ('completed', 'approved') THEN CASE WHEN pg_temp.dice(a.n, 54) < 0.85 THEN 'published'
           ELSE 'discarded' END
            WHEN r.status = 'rejected' THEN 'discarded' WHEN r.status = 'review' THEN 'ready' ELSE 'draft' END,
       'https://cdn.example/generated/' || r.n || '/' || v || '.' || CASE k.kind WHEN 'video' THEN 'mp4'
           ELSE 'webp' END,
       jsonb_build_object('model', CASE k.kind WHEN 'video' THEN 'reelmaker' ELSE 'pixelforge' END || '-'
           || 1 + r.n % 3, 'seed', a.n * 7919 % 65536,
                          'width', 1080, 'height', CASE r.content_type WHEN 'story' THEN 1920 ELSE 1080 END, 'variant',
                              v,
                          'tags', jsonb_build_array(r.content_type, CASE WHEN v % 2 = 0 THEN 'bold' ELSE 'calm' END)),
       CASE WHEN pg_temp.dice(a.n, 55) > 0.03 THEN round((100 - 45 * pg_temp.dice(a.n, 56) ^ 3)::numeric, 2) END,
       made_at
  FROM size, request AS r, generate_series(1, 3 + (hashint8extended(r.n, 57) & 1023)::integer % 6) AS v,
       LATERAL (SELECT r.n * 10 + v AS n) AS a,
       LATERAL (SELECT least(r.created_at + (30 + v * 40) * interval '1 second', today) AS made_at OFFSET 0) AS m,
       LATERAL (SELECT CASE WHEN r.content_type = 'reel' THEN 'video' WHEN v % 5 = 0 THEN 'text'
           ELSE 'image' END AS kind) AS k
 WHERE r.status NOT IN ('pending', 'failed') AND (r.status <> 'processing' OR v = 1)
 ORDER BY made_at;

CREATE UNLOGGED TABLE asset AS
SELECT row_number() OVER (ORDER BY a.created_at, a.id) AS n, a.id, a.brand_profile_id, a.status, a.created_at,
    a.compliance_score
  FROM public.generated_assets AS a;
ANALYZE asset;

INSERT INTO public.content_approvals (content_request_id, approver_id, decision, note, created_at, decided_at)
SELECT r.id, r.users[1 + r.n % cardinality(r.users)],
       CASE r.status WHEN 'review' THEN 'waiting' WHEN 'rejected' THEN 'rejected' ELSE 'approved' END,
       CASE WHEN r.status = 'rejected' THEN 'Off brand: the picture is too dark.' END, r.created_at,
       CASE WHEN r.status <> 'review' THEN greatest(r.updated_at, r.created_at) END
  FROM request AS r WHERE r.status IN ('review', 'rejected', 'approved', 'completed');

INSERT INTO public.request_comments (content_request_id, author_id, body, created_at)
SELECT r.id, r.users[1 + (r.n * 7 + c) % cardinality(r.users)],
       pg_temp.pick(ARRAY['Can we try a warmer tone?', 'Looks good to me.', 'Please move the logo to the left.',
           'Legal wants the small print larger.',
                          'Second variant is the best one.', 'Shorter headline, please.'], r.n * 10 + c, 60),
       least(r.created_at + c * interval '5 hours', today)
  FROM size, request AS r, generate_series(1, 3) AS c WHERE pg_temp.dice(r.n * 10 + c, 61) < 0.4
 ORDER BY r.n, c;

INSERT INTO public.asset_versions (generated_asset_id, version, file_url, change_note, created_at)
SELECT a.id, v, 'https://cdn.example/generated/versions/' || a.n || '/' || v, CASE v WHEN 1 THEN 'first'
    ELSE 'retouched' END,
       least(a.created_at + (v - 1) * interval '2 hours', today)
  FROM size, asset AS a, generate_series(1, 2) AS v WHERE a.n % 6 = 0
 ORDER BY a.n, v;

INSERT INTO public.compliance_checks (generated_asset_id, guideline_id, outcome, score, checked_at)
SELECT a.id, g.id, CASE WHEN a.compliance_score >= 85 THEN 'pass' WHEN a.compliance_score >= 65 THEN 'warn'
    ELSE 'fail' END, a.compliance_score,
       least(a.created_at + interval '20 seconds', today)
  FROM size, asset AS a
  JOIN (SELECT id, brand_profile_id, row_number() OVER (PARTITION BY brand_profile_id ORDER BY id) - 1 AS k
      FROM public.brand_guidelines) AS g
    ON g.brand_profile_id = a.brand_profile_id AND g.k = a.n % 5
 WHERE a.compliance_score IS NOT NULL AND a.n % 3 <> 0
 ORDER BY a.n;

INSERT INTO public.scheduled_posts (id, generated_asset_id, social_account_id, status, caption, publish_at,
    published_at, external_id, created_at)
SELECT pg_temp.key(a.created_at, a.n, 62), a.id, s.id,
       CASE WHEN w.at > today THEN 'scheduled' WHEN pg_temp.dice(a.n, 63) < 0.03 THEN 'failed' ELSE 'published' END,
       'New today. Which one is yours?', w.at, CASE WHEN w.at <= today
           AND pg_temp.dice(a.n, 63) >= 0.03 THEN w.at + interval '2 seconds' END,
       CASE WHEN w.at <= today THEN 'x' || a.n END, a.created_at
  FROM size, asset AS a
  JOIN (SELECT id, brand_profile_id, row_number() OVER (PARTITION BY brand_profile_id ORDER BY id) AS k
      FROM public.social_accounts) AS s
    ON s.brand_profile_id = a.brand_profile_id AND s.k = 1 + a.n % 2,
       LATERAL (SELECT a.created_at + interval '3 days' + pg_temp.dice(a.n, 64) * interval '6 days' AS at) AS w
 WHERE a.status = 'published' AND a.n % 3 = 0;
