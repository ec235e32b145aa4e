-- Sample data: indexes and foreign keys of all other tables.
-- after: content events members

CALL build(ARRAY['api_usage', 'user_activity_logs', 'content_analytics', 'content_analytics_archive'], others => true);
