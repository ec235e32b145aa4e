-- Changes of cached brands that are announced before their transaction, so that no process serves the old values after it.
--
-- console/cache/brand_cache.py says how. The table is nearly always empty: a row lives as long as a change takes. A brand
-- is announced before it exists, so there is no foreign key.

CREATE TABLE public.cache_invalidations (
    id               bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    brand_profile_id uuid NOT NULL,
    committed        boolean NOT NULL DEFAULT false,
    announced_at     timestamptz NOT NULL DEFAULT clock_timestamp()
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 200);
COMMENT ON TABLE public.cache_invalidations IS
    'Changes of brands that the cache in Redis has yet to hear of. A row that stays for minutes belongs to a process that died.';
COMMENT ON COLUMN public.cache_invalidations.committed IS
    'Set by the transaction of the change itself. While that runs, it holds the row''s lock.';
COMMENT ON COLUMN public.cache_invalidations.id IS
    'bigint identity: the cheapest key for rows that are appended. The number is what Redis gets, too.';
