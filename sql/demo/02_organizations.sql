-- Sample data: organisations by a power law, their users, brands, and what surrounds them.
-- after: prepare

INSERT INTO public.organizations (id, name, plan, region, created_at, updated_at)
SELECT pg_temp.key(born, k, 1),
       (ARRAY['Northwind', 'Harbour', 'Lumen', 'Copper', 'Juniper', 'Atlas', 'Meridian', 'Willow', 'Granite', 'Saffron',
              'Cobalt', 'Orchard', 'Tundra', 'Marigold', 'Falcon', 'Cinder', 'Delta', 'Poppy', 'Quartz',
                  'Sierra'])[1 + (k - 1) % 20]
       || ' ' || (ARRAY['Foods', 'Outdoor', 'Studios', 'Health', 'Travel', 'Mobility', 'Home', 'Games', 'Fashion',
           'Energy',
                        'Coffee', 'Bank', 'Sports', 'Beauty', 'Media', 'Toys'])[1 + (k * 7 / 20 + k) % 16]
       || CASE WHEN k > 320 THEN ' ' || k ELSE '' END,
       CASE WHEN k <= 2 THEN 'enterprise' WHEN k <= 8 THEN 'business' WHEN k <= organizations / 2 THEN 'team'
           ELSE 'starter' END,
       pg_temp.pick(ARRAY['eu', 'eu', 'us', 'us', 'apac'], k, 2), born, born
  FROM size, generate_series(1, organizations) AS k,
       LATERAL (SELECT first_day - k * interval '5 hours' AS born) AS b;

CREATE UNLOGGED TABLE tenant AS
SELECT row_number() OVER (ORDER BY o.created_at DESC)::integer AS rank, o.id, o.created_at
    FROM public.organizations AS o;

INSERT INTO public.users (id, organization_id, username, email, full_name, role, is_active, last_login_at, created_at)
SELECT pg_temp.key(t.created_at + u * interval '6 hours', t.rank * 10000 + u, 3), t.id,
       lower(first) || '.' || lower(last) || n.suffix,
       lower(first) || '.' || lower(last) || n.suffix || '@tenant' || t.rank || '.example',
       first || ' ' || last,
       CASE WHEN u = 1 THEN 'owner' WHEN u = 2 THEN 'admin' WHEN u % 5 = 0 THEN 'approver' WHEN u % 7 = 0 THEN 'viewer'
           ELSE 'editor' END,
       pg_temp.dice(t.rank * 10000 + u, 4) < 0.94,
       today - pg_temp.dice(t.rank * 10000 + u, 5) ^ 3 * interval '60 days',
       t.created_at + u * interval '6 hours'
  FROM size, tenant AS t,
       generate_series(1, 3 + floor(60 * sqrt(greatest(scale, 1)) / t.rank ^ 0.8)::integer) AS u,
       LATERAL (SELECT (ARRAY['Maria', 'Jonas', 'Aisha', 'Lucas', 'Chloe', 'Mateo', 'Ines', 'Noah', 'Yuki', 'Priya',
           'Elena', 'Omar',
                              'Freya', 'Hugo', 'Leila', 'Arjun', 'Sofia', 'Tom', 'Nina',
                                  'Diego'])[1 + (u + t.rank) % 20] AS first,
                       (ARRAY['Keller', 'Rossi', 'Novak', 'Silva', 'Tanaka', 'Dubois', 'Larsen', 'Okafor', 'Patel',
                           'Murphy', 'Costa',
                              'Weber', 'Lindgren', 'Haddad', 'Moreau', 'Kim', 'Jansen', 'Fischer',
                                  'Ortiz'])[1 + (u * 3 + t.rank) % 19] AS last,
                       CASE WHEN u > 380 THEN u::text ELSE '' END AS suffix) AS n;

INSERT INTO public.brand_profiles (id, organization_id, name, settings, voice, created_at, updated_at)
SELECT pg_temp.key(t.created_at + b * interval '1 day', t.rank * 1000 + b, 6), t.id,
       pg_temp.pick(ARRAY['Vela', 'Nordlys', 'Kite', 'Solace', 'Pine & Salt', 'Rivet', 'Halo', 'Brisa', 'Fable',
           'Oat House', 'Lumo', 'Zephyr',
                          'Morrow', 'Tidal', 'Ember', 'Figment', 'Cloudberry', 'Atelier 9', 'Roam', 'Petal'],
                              t.rank * 1000 + b, 7)
       || ' ' || (ARRAY['Originals', 'Active', 'Kids', 'Studio', 'Daily', 'Reserve', 'Labs', 'Club', 'Go',
           'Collective'])[1 + (b - 1) % 10]
       || CASE WHEN b > 10 THEN ' ' || b ELSE '' END,
       jsonb_build_object(
           'palette', jsonb_build_array('#' || substr(md5(t.rank || '.' || b), 1, 6), '#'
               || substr(md5(b || '.' || t.rank), 1, 6)),
           'font', pg_temp.pick(ARRAY['Inter', 'Lora', 'Poppins', 'Source Serif'], b, 8),
           'tone', pg_temp.pick(ARRAY['playful', 'calm', 'bold', 'expert'], t.rank * 1000 + b, 9),
           'languages', pg_temp.pick(ARRAY['["en"]', '["en","de"]', '["en","fr","es"]'], b, 10)::jsonb,
           'auto_publish', b % 3 = 0),
       pg_temp.pick(ARRAY['Warm, short sentences, no jargon.', 'Confident and factual; numbers first.',
           'Like a friend who knows the trade.'], b, 11),
       t.created_at + b * interval '1 day', t.created_at + b * interval '1 day'
  FROM size, tenant AS t, generate_series(1, ceil(10 * sqrt(greatest(scale, 1)) / t.rank ^ 0.6)::integer) AS b;

ALTER TABLE tenant ADD users uuid[], ADD brands uuid[];
UPDATE tenant AS t
   SET users = (SELECT array_agg(id ORDER BY id) FROM public.users WHERE organization_id = t.id),
       brands = (SELECT array_agg(id ORDER BY id) FROM public.brand_profiles WHERE organization_id = t.id);
CREATE UNLOGGED TABLE brand AS
SELECT row_number() OVER (ORDER BY t.rank, b.ordinality)::integer AS n, t.rank, t.id AS organization_id, b.id, t.users,
    t.created_at
  FROM tenant AS t, unnest(t.brands) WITH ORDINALITY AS b (id, ordinality);
ANALYZE tenant, brand;
-- All tenants in one row, for rows by the ten thousand: looking one up here takes neither a join nor a sort behind it.
-- The users of a tenant stand side by side, from `first` on.
CREATE VIEW directory AS
SELECT (SELECT array_agg(t.id ORDER BY t.rank) FROM tenant AS t) AS tenants,
       (SELECT array_agg(cardinality(t.users) ORDER BY t.rank) FROM tenant AS t) AS sizes,
       (SELECT array_agg(f.first ORDER BY f.rank)
          FROM (SELECT t.rank, 1 + sum(cardinality(t.users)) OVER (ORDER BY t.rank) - cardinality(t.users) AS first
                  FROM tenant AS t) AS f)::integer[] AS firsts,
       (SELECT array_agg(u.id ORDER BY t.rank, u.place)
          FROM tenant AS t, unnest(t.users) WITH ORDINALITY AS u (id, place)) AS users;

INSERT INTO public.api_providers (id, name, kind, base_url, unit_cost, created_at)
SELECT pg_temp.key(first_day, p.n, 12), p.name, p.kind, 'https://api.' || p.name || '.example/v1', p.cost, first_day
  FROM size, (VALUES (1, 'pixelforge', 'image', 0.04), (2, 'inkwell', 'text', 0.002), (3, 'reelmaker', 'video', 0.35),
      (4, 'soundbed', 'audio', 0.06),
                     (5, 'clearcheck', 'moderation', 0.001)) AS p (n, name, kind, cost);

INSERT INTO public.brand_guidelines (id, brand_profile_id, title, rule, category, severity, valid_from, created_at)
SELECT pg_temp.key(b.created_at, b.n * 10 + g.i, 16), b.id, g.title, g.rule, g.category, g.severity, b.created_at::date,
    b.created_at
  FROM brand AS b, (VALUES (1, 'Logo clear space', 'Keep the height of the mark free on all sides.', 'logo', 'must'),
                           (2, 'No superlatives', 'Avoid best, cheapest, number one without a source.', 'legal',
                               'must'),
                           (3, 'Palette', 'At least one brand colour covers a tenth of the picture.', 'colour',
                               'should'),
                           (4, 'People', 'Show people in daily situations, never posed.', 'imagery', 'should'),
                           (5, 'Tone', 'Second person, present tense.', 'tone', 'may')) AS g (i, title, rule, category,
                               severity);

INSERT INTO public.content_templates (id, organization_id, brand_profile_id, name, content_type, layout_config,
    created_at)
SELECT pg_temp.key(b.created_at, b.n * 10 + i, 21), b.organization_id, CASE WHEN i < 3 THEN b.id END, 'Layout ' || i
    || ' of brand ' || b.n,
       c.content_type,
       jsonb_build_object('canvas', jsonb_build_object('width', 1080, 'height', CASE c.content_type
           WHEN 'story' THEN 1920 ELSE 1080 END),
                          'elements', jsonb_build_array(jsonb_build_object('type', 'image', 'slot', 'hero'),
                                                        jsonb_build_object('type', 'text', 'slot', 'headline', 'lines',
                                                            i),
                                                        jsonb_build_object('type', 'logo', 'corner',
                                                            pg_temp.pick(ARRAY['ne', 'se', 'sw'], b.n * 10 + i, 22)))),
       b.created_at
  FROM brand AS b, generate_series(1, 3) AS i,
       LATERAL (SELECT (ARRAY['post', 'story', 'reel'])[i] AS content_type) AS c;

INSERT INTO public.social_accounts (id, brand_profile_id, platform, handle, status, token_ref, token_expires_at,
    followers, connected_at)
SELECT pg_temp.key(b.created_at, b.n * 10 + p.i, 23), b.id, p.platform, '@brand' || b.n || '_' || p.platform,
       CASE WHEN pg_temp.dice(b.n * 10 + p.i, 24) < 0.05 THEN 'expired' ELSE 'connected' END, 'social/' || b.n || '/'
           || p.platform,
       today + pg_temp.dice(b.n, p.i) * interval '60 days',
           floor(2000 / (pg_temp.dice(b.n * 10 + p.i, 25) + 0.0005))::bigint, b.created_at
  FROM size, brand AS b, (VALUES (1, 'instagram'), (2, 'tiktok'), (3, 'linkedin'), (4, 'youtube')) AS p (i, platform)
 WHERE p.i <= 2 + b.n % 3;

INSERT INTO public.campaigns (id, brand_profile_id, name, objective, status, budget, starts_on, ends_on, created_at)
SELECT pg_temp.key(begins, b.n * 100 + c, 26), b.id,
       (ARRAY['Spring launch', 'Summer sale', 'Back to school', 'Winter stories', 'Black Friday',
           'Anniversary'])[1 + (b.n + c) % 6] || ' ' || extract(year FROM begins),
       pg_temp.pick(ARRAY['awareness', 'sales', 'sign-ups', 'app installs'], b.n * 100 + c, 27),
       CASE WHEN begins > today THEN 'planned' WHEN begins + interval '45 days' > today THEN 'running'
           ELSE 'finished' END,
       round((500 + 20000 * pg_temp.dice(b.n * 100 + c, 28))::numeric, -2), begins::date,
           (begins + interval '45 days')::date, begins - interval '20 days'
  FROM size, brand AS b, generate_series(1, 8) AS c,
      LATERAL (SELECT first_day + (c * 4 + b.n % 3) * interval '1 month' AS begins) AS w;
