-- Sample data: the map of visible rows of assets, for the foreign key of analytics.
-- after: content
--
-- Each partition is compared with all assets: in the index of their key alone, where the map has every row as visible.

VACUUM public.generated_assets;
