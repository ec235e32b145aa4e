-- Sample data: statistics of all tables that no later part changes.
-- after: content_keys

CALL gather_statistics(ARRAY['api_usage', 'user_activity_logs', 'content_analytics', 'content_analytics_archive',
                             'notifications', 'brand_assets', 'compliance_checks', 'pick'], others => true);
