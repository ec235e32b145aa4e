-- Sample data: statistics of what was changed.
-- after: truths
--
-- Apart from the changes, because statistics gathered in the transaction of a change miss its dead rows.

CALL gather_statistics(ARRAY['notifications', 'brand_assets', 'compliance_checks', 'pick']);
