-- Sample data: some truth worth finding, and what the live workload picks from.
-- after: content_keys

-- Read notifications were deleted: the table is mostly air, and stays so after an ordinary vacuum.
DELETE FROM public.notifications WHERE read_at IS NOT NULL;

-- Counters were bumped: dead row versions until the next vacuum, all of them HOT.
UPDATE public.brand_assets SET usage_count = usage_count + 1, last_used_at = now() WHERE is_active;

-- Scores were corrected: dead rows just below what starts autovacuum (a fifth of the table), so they stay.
UPDATE public.compliance_checks SET findings = '["score corrected"]' WHERE id % 7 = 0;

-- Redundant on purpose: campaigns_brand_idx begins with the same column.
CREATE INDEX demo_redundant_campaigns_idx ON public.campaigns (brand_profile_id);
COMMENT ON INDEX public.demo_redundant_campaigns_idx IS
    'Sample data: redundant on purpose, campaigns_brand_idx serves the same questions.';

-- The live workload picks here: a thousand (organisation, brand, user) triples by the same power law, each consistent.
CREATE TABLE demo.pick AS
SELECT i AS n, t.id AS organization_id, t.brands[1 + floor(pg_temp.dice(i, 101) ^ 2 * cardinality(t.brands))::integer]
    AS brand_profile_id,
       t.users[1 + floor(pg_temp.dice(i, 102) * cardinality(t.users))::integer] AS user_id,
       (SELECT id FROM public.api_providers ORDER BY id OFFSET i % 5 LIMIT 1) AS provider_id
  FROM size, generate_series(1, 1000) AS i,
       LATERAL (SELECT floor((organizations + 1) ^ pg_temp.dice(i, 100))::integer AS rank) AS r
  JOIN tenant AS t ON t.rank = r.rank;
ALTER TABLE demo.pick ADD PRIMARY KEY (n);
COMMENT ON TABLE demo.pick IS 'Tenant-consistent picks for the live workload, by the power law of the tenants.';
