-- Samples of sizes and limits that are kept in this database: a row for each series, with the highest of each day.
-- lane: slow
-- grant: SELECT ON public.capacity_samples
-- TABLESAMPLE of all rows, because it refuses a view, whose code would run with the rights of whoever looks.
WITH daily AS (
  SELECT s.kind, s.subject, pg_catalog.date_part('epoch', pg_catalog.max(s.sampled_at)) AS at,
         pg_catalog.max(s.used) AS used, pg_catalog.max(s.heap)::float8 AS heap,
         pg_catalog.max(s.indexes)::float8 AS indexes, pg_catalog.max(s.toast)::float8 AS toast,
         pg_catalog.max(s.rows) AS rows, pg_catalog.max(s.partitions)::float8 AS partitions
    FROM public.capacity_samples s TABLESAMPLE pg_catalog.system (100)
   WHERE s.sampled_at > pg_catalog.now() - interval '450 days' AND s.sampled_at <= pg_catalog.now()
   GROUP BY s.kind, s.subject, (s.sampled_at AT TIME ZONE 'UTC')::date
)
SELECT d.kind, d.subject, pg_catalog.array_agg(d.at ORDER BY d.at) AS at,
       pg_catalog.array_agg(d.used ORDER BY d.at) AS used, pg_catalog.array_agg(d.heap ORDER BY d.at) AS heap,
       pg_catalog.array_agg(d.indexes ORDER BY d.at) AS indexes, pg_catalog.array_agg(d.toast ORDER BY d.at) AS toast,
       pg_catalog.array_agg(d.rows ORDER BY d.at) AS rows,
       pg_catalog.array_agg(d.partitions ORDER BY d.at) AS partitions
  FROM daily d
 GROUP BY d.kind, d.subject
 ORDER BY pg_catalog.max(d.at) DESC, d.kind, d.subject
 LIMIT 2000
