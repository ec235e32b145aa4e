-- Sample data: keys, indexes and the foreign key of analytics.
-- after: measurements

CALL build(ARRAY['content_analytics', 'content_analytics_archive']);
