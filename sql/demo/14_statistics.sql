-- Sample data: statistics of all other tables.
-- after: truths
--
-- Apart from the changes, because statistics gathered in the transaction of a change miss its dead rows.

CALL gather_statistics(ARRAY['api_usage', 'user_activity_logs', 'content_analytics', 'content_analytics_archive'],
                       others => true);
