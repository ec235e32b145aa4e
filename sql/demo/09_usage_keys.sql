-- Sample data: keys, indexes and foreign keys of calls and activity.
-- after: usage

CALL build(ARRAY['api_usage', 'user_activity_logs']);
