-- Sample data: keys, indexes and the foreign key of analytics.
-- after: measurements visible

CALL build(ARRAY['content_analytics', 'content_analytics_archive']);
