-- Sample data: partitions from the oldest data to three months ahead.
-- after: prepare

SELECT p.parent, count(*) AS partitions
  FROM size,
       LATERAL (VALUES ('content_analytics', first_live_day, 3),
                       ('content_analytics_archive', first_day, -30),
                       ('api_usage', this_month - interval '11 months', 3),
                       ('user_activity_logs', this_month - interval '5 months', 3)) AS p (parent, since, ahead),
       LATERAL public.ensure_partitions(format('public.%I', p.parent)::regclass, p.ahead,
           (p.since AT TIME ZONE 'UTC')::date)
 GROUP BY p.parent;
