-- Sample data: statistics of analytics.
-- after: measurements_keys

CALL gather_statistics(ARRAY['content_analytics', 'content_analytics_archive']);
