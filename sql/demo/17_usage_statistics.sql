-- Sample data: statistics of calls and activity.
-- after: usage_keys

CALL gather_statistics(ARRAY['api_usage', 'user_activity_logs']);
