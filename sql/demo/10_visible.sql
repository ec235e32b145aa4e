-- Sample data: the map of visible rows of assets, for the foreign key of analytics.
-- after: content
--
-- Each partition is compared with all assets: in the index of their key alone, where the map says that every row counts.

VACUUM public.generated_assets;
