-- Sample data: analytics of published assets over 33 months.
-- after: content partitions

-- An asset is measured on days 1, 2, 3, 5, 8, 13, 21, 34 and 55. Reach has a heavy tail: few posts get most of it, and
-- a very few pass the 2.1 billion of an integer.
CREATE UNLOGGED TABLE rated AS  -- what is the same on every day of an asset
SELECT a.id, a.n, (a.created_at AT TIME ZONE 'UTC')::date AS born,
       (ARRAY['instagram', 'tiktok', 'linkedin', 'youtube'])[1 + a.n % 4] AS platform,
       80 * (pg_temp.dice(a.n, 74) + 0.0005) ^ -1.1 * CASE WHEN a.n % 1499 = 7 THEN 3e7 ELSE 1 END AS reach,
       0.01 + 0.06 * pg_temp.dice(a.n, 70) AS liked,
       CASE WHEN a.n % 31 <> 0 THEN 0.008 * pg_temp.dice(a.n, 71) END AS shared,
       0.005 * pg_temp.dice(a.n, 72) AS discussed,
       CASE WHEN a.n % 4 <> 1 THEN 0.012 * pg_temp.dice(a.n, 73) END AS clicked
  FROM asset AS a WHERE a.status = 'published';

CREATE VIEW measured AS
SELECT a.id AS generated_asset_id, a.born + k.days AS performance_date, a.platform,
       floor(a.reach / k.fading)::bigint AS impressions,
       floor(floor(a.reach / k.fading) * a.liked)::bigint AS likes,
       floor(floor(a.reach / k.fading) * a.shared)::bigint AS shares,
       floor(floor(a.reach / k.fading) * a.discussed)::bigint AS comments,
       floor(floor(a.reach / k.fading) * a.clicked)::bigint AS clicks,
       (a.born + k.days + time '03:10') AT TIME ZONE 'UTC' AS collected_at,
       (a.born + k.days - date '2000-01-01')::bigint << 32 | a.n AS place  -- by day and asset: one number sorts faster
  FROM rated AS a,
       (SELECT d.days, (0.5 + d.step * 0.3)::double precision AS fading
          FROM unnest(ARRAY[1, 2, 3, 5, 8, 13, 21, 34, 55]) WITH ORDINALITY AS d (days, step) OFFSET 0) AS k;

INSERT INTO public.content_analytics_archive
       (id, generated_asset_id, performance_date, platform, impressions, likes, shares, comments, clicks, collected_at)
SELECT row_number() OVER (ORDER BY place), generated_asset_id, performance_date, platform, impressions, likes, shares,
       comments, clicks, collected_at
  FROM measured
 WHERE performance_date < (SELECT (first_live_day AT TIME ZONE 'UTC')::date FROM size);

INSERT INTO public.content_analytics
       (id, generated_asset_id, performance_date, platform, impressions, likes, shares, comments, clicks, collected_at)
SELECT (SELECT count(*) FROM public.content_analytics_archive) + row_number() OVER (ORDER BY place),
       generated_asset_id, performance_date, platform, impressions, likes, shares, comments, clicks, collected_at
  FROM measured
 WHERE performance_date BETWEEN (SELECT (first_live_day AT TIME ZONE 'UTC')::date FROM size)
                            AND (SELECT (today AT TIME ZONE 'UTC')::date FROM size);

-- The ids were counted here, so the sequence goes on behind them: the last one was measured in these weeks.
SELECT setval(pg_get_serial_sequence('public.content_analytics', 'id')::regclass,
              coalesce((SELECT max(id) FROM public.content_analytics
                         WHERE performance_date >= (SELECT (this_month AT TIME ZONE 'UTC')::date FROM size)),
                       (SELECT max(id) FROM public.content_analytics),
                       (SELECT max(id) FROM public.content_analytics_archive)));
