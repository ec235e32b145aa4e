-- Sample data: what sample-capacity would have kept in the last 120 days, derived from the sizes of today.
-- after: cleanup

WITH relation AS (
    SELECT coalesce(p.partrelid, c.oid) AS root, c.oid, c.relkind, c.reltuples, c.relispartition
      FROM pg_catalog.pg_class AS c
      LEFT JOIN pg_catalog.pg_inherits AS h ON h.inhrelid = c.oid
      LEFT JOIN pg_catalog.pg_partitioned_table AS p ON p.partrelid = h.inhparent
     WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'm')
), grown AS ( -- a month's growth as a share of the size of today, and what is archived on the second of each month
    SELECT t.relname AS name, sum(pg_relation_size(r.oid))::float8 AS heap,
           sum(pg_indexes_size(r.oid))::float8 AS indexes,
           sum(pg_table_size(r.oid) - pg_relation_size(r.oid))::float8 AS toast,
           sum(r.reltuples) FILTER (WHERE r.relkind <> 'p' AND r.reltuples >= 0) AS rows,
           count(*) FILTER (WHERE r.relispartition) AS partitions,
           CASE WHEN t.relname IN ('api_usage', 'user_activity_logs') THEN 0.08
                WHEN t.relname = 'content_analytics' THEN 0.05
                WHEN t.relname IN (
                  'content_requests', 'generated_assets', 'asset_versions', 'compliance_checks', 'scheduled_posts',
                  'generation_jobs', 'content_approvals', 'request_comments', 'content_analytics_archive') THEN 0.06
                ELSE 0 END AS month,
           CASE WHEN t.relname = 'content_analytics' THEN 0.045 ELSE 0 END AS archived
      FROM relation AS r
      JOIN pg_catalog.pg_class AS t ON t.oid = r.root
     GROUP BY t.relname
), day AS (
    SELECT d.ago, date_trunc('day', now(), 'UTC') - d.ago * interval '1 day' + interval '12 hours 30 minutes' AS at,
           (SELECT count(*) FROM generate_series(0, d.ago - 1) AS s(back)
             WHERE extract(day FROM (now() AT TIME ZONE 'UTC') - s.back * interval '1 day') = 2) AS since,
           1 + (d.ago * 37 % 11 - 5) * 0.0004::float8 AS uneven
      FROM generate_series(1, 120) AS d(ago)
)
INSERT INTO public.capacity_samples (sampled_at, kind, subject, used, heap, indexes, toast, rows, partitions)
SELECT d.at, 'table', 'public.' || g.name, (g.heap + g.indexes + g.toast) * s.share, g.heap * s.share,
       g.indexes * s.share, g.toast * s.share, g.rows * s.share,
       CASE WHEN g.partitions > 0 THEN greatest(1, g.partitions - d.ago / 30) ELSE 0 END
  FROM grown AS g
 CROSS JOIN day AS d
 CROSS JOIN LATERAL (
       SELECT CASE WHEN g.month > 0 THEN (1 - g.month * d.ago / 30.4 + g.archived * d.since) * d.uneven ELSE 1 END
        OFFSET 0) AS s(share)
UNION ALL
SELECT d.at, l.kind, l.subject, l.used * (1 - l.month * d.ago / 30.4) * d.uneven, NULL, NULL, NULL, NULL, NULL
  FROM (VALUES ('database', 'database', pg_database_size(current_database())::float8, 0.06),
               ('wal', 'WAL written', pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::float8, 0.2),
               ('connections', 'connections', 24, 0)) AS l(kind, subject, used, month)
 CROSS JOIN day AS d;

ANALYZE public.capacity_samples;
