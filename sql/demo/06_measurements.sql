-- Sample data: analytics of published assets over 33 months.
-- after: content partitions

-- An asset is measured on days 1, 2, 3, 5, 8, 13, 21, 34 and 55. Reach has a heavy tail: few posts get most of it, and
-- a very few pass the 2.1 billion of an integer.
WITH rated AS MATERIALIZED (  -- what is the same on every day of an asset
    SELECT a.id, a.n, (a.created_at AT TIME ZONE 'UTC')::date AS born,
           (pg_temp.dice(a.n, 74) + 0.0005) ^ -1.1 AS reach,
           CASE WHEN a.n % 1499 = 7 THEN 3e7 ELSE 1 END::double precision AS luck,
           0.01 + 0.06 * pg_temp.dice(a.n, 70) AS liked, pg_temp.dice(a.n, 71) AS shared,
           pg_temp.dice(a.n, 72) AS discussed, pg_temp.dice(a.n, 73) AS clicked
      FROM asset AS a WHERE a.status = 'published'
), step AS MATERIALIZED (
    SELECT k.days, (0.5 + k.step * 0.3)::double precision AS fading
      FROM unnest(ARRAY[1, 2, 3, 5, 8, 13, 21, 34, 55]) WITH ORDINALITY AS k (days, step)
), measured AS MATERIALIZED (
    SELECT row_number() OVER (ORDER BY d.day, a.n) AS id, a.id AS generated_asset_id, d.day AS performance_date,
           (ARRAY['instagram', 'tiktok', 'linkedin', 'youtube'])[1 + a.n % 4] AS platform, i.impressions,
           floor(i.impressions * a.liked)::bigint AS likes,
           CASE WHEN a.n % 31 <> 0 THEN floor(i.impressions * 0.008 * a.shared)::bigint END AS shares,
           floor(i.impressions * 0.005 * a.discussed)::bigint AS comments,
           CASE WHEN a.n % 4 <> 1 THEN floor(i.impressions * 0.012 * a.clicked)::bigint END AS clicks,
           (d.day + time '03:10') AT TIME ZONE 'UTC' AS collected_at
      FROM size, rated AS a, step AS k,
           LATERAL (SELECT a.born + k.days AS day) AS d,
           LATERAL (SELECT floor(80 * a.reach / k.fading * a.luck)::bigint AS impressions OFFSET 0) AS i
     WHERE d.day <= (today AT TIME ZONE 'UTC')::date
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

-- The ids were counted here, so the sequence goes on behind them.
SELECT setval(pg_get_serial_sequence('public.content_analytics', 'id')::regclass,
              greatest((SELECT max(id) FROM public.content_analytics),
                       (SELECT max(id) FROM public.content_analytics_archive)));
