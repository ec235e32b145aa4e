-- Statements that add a sample to public.capacity_samples and remove those that are no longer needed.
--
-- No sample is added within 30 minutes of another. Samples older than two days are removed but for the highest of each
-- day (UTC), and all that are older than keep_days.
WITH entry AS MATERIALIZED (
  SELECT e.*
    FROM pg_catalog.jsonb_to_recordset(%(entries)s::jsonb)
         AS e(kind text, subject text, used float8, heap bigint, indexes bigint, toast bigint, rows float8,
              partitions integer)
), moment AS MATERIALIZED (
  SELECT pg_catalog.to_char(pg_catalog.now() AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US"+00"') AS now,
         pg_catalog.date_trunc('day', pg_catalog.now() AT TIME ZONE 'UTC') - interval '2 days' AS hourly,
         (pg_catalog.now() AT TIME ZONE 'UTC') - %(keep_days)s::float8 * interval '1 day' AS oldest
), bound AS MATERIALIZED (
  SELECT pg_catalog.to_char(m.hourly, 'YYYY-MM-DD HH24:MI:SS"+00"') AS hourly,
         pg_catalog.to_char(m.oldest, 'YYYY-MM-DD HH24:MI:SS"+00"') AS oldest
    FROM moment m
), removable AS MATERIALIZED (
  SELECT pg_catalog.count(*) AS rows
    FROM (SELECT s.sampled_at < b.oldest::timestamptz AS old,
                 pg_catalog.row_number() OVER (PARTITION BY s.kind, s.subject, (s.sampled_at AT TIME ZONE 'UTC')::date
                                               ORDER BY s.used DESC, s.sampled_at) > 1 AS lower
            FROM public.capacity_samples s CROSS JOIN bound b
           WHERE s.sampled_at < b.hourly::timestamptz) d
   WHERE d.old OR d.lower
)
SELECT pg_catalog.format(
         E'INSERT INTO public.capacity_samples (sampled_at, kind, subject, used, heap, indexes, toast, rows, '
         'partitions)\nSELECT %%L, v.kind, v.subject, v.used, v.heap::bigint, v.indexes::bigint, v.toast::bigint, '
         'v.rows::double precision, v.partitions::integer\n  FROM (VALUES\n%%s\n) '
         'v (kind, subject, used, heap, indexes, toast, rows, partitions)\nON CONFLICT DO NOTHING', m.now,
         (SELECT pg_catalog.string_agg(
                   pg_catalog.format('(%%L, %%L, %%s, %%s, %%s, %%s, %%s, %%s)', e.kind, e.subject, e.used,
                                     coalesce(e.heap::text, 'NULL'), coalesce(e.indexes::text, 'NULL'),
                                     coalesce(e.toast::text, 'NULL'), coalesce(e.rows::text, 'NULL'),
                                     coalesce(e.partitions::text, 'NULL')), E',\n' ORDER BY e.kind, e.subject)
            FROM entry e)) AS sql,
       pg_catalog.format('DELETE FROM public.capacity_samples WHERE sampled_at = %%L', m.now) AS undo,
       'ROW EXCLUSIVE on public.capacity_samples' AS lock, 'public.capacity_samples' AS "on", 'samples' AS "group",
       (SELECT pg_catalog.count(*) FROM entry) || ' rows' AS estimate, 'sizes and limits as they are now' AS note,
       pg_catalog.format('SELECT EXISTS (SELECT FROM public.capacity_samples WHERE sampled_at = %%L)', m.now) AS expect
  FROM moment m
 WHERE EXISTS (SELECT FROM entry)
   AND NOT EXISTS (SELECT FROM public.capacity_samples s
                    WHERE s.sampled_at > pg_catalog.now() - interval '30 minutes'
                      AND s.sampled_at <= pg_catalog.now())
UNION ALL
SELECT pg_catalog.format(
         E'DELETE FROM public.capacity_samples s\n USING (SELECT t.sampled_at, t.kind, t.subject, '
         't.sampled_at < %%L AS old,\n               pg_catalog.row_number() OVER (PARTITION BY t.kind, t.subject, '
         '(t.sampled_at AT TIME ZONE ''UTC'')::date\n                 ORDER BY t.used DESC, t.sampled_at) > 1 AS '
         'lower\n          FROM public.capacity_samples t WHERE t.sampled_at < %%L) d\n WHERE (d.old OR d.lower) '
         'AND (s.sampled_at, s.kind, s.subject) = (d.sampled_at, d.kind, d.subject)', b.oldest, b.hourly),
       NULL, 'ROW EXCLUSIVE on public.capacity_samples', 'public.capacity_samples', 'samples', r.rows || ' rows',
       pg_catalog.format('samples older than %%s days, and all but the highest of each day that is over for two days',
                         %(keep_days)s::float8), NULL
  FROM removable r CROSS JOIN bound b
 WHERE r.rows > 0
