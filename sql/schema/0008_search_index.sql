-- Full-text search over the requests of one organisation.
--
-- With btree_gin (trusted, but CREATE on the database is needed) the organisation is part of the GIN index, so a search
-- reads one tenant's postings only. Where the extension cannot be had, the index holds search_vector alone: searches stay
-- right and indexed, but read the matches of all tenants before the organisation filters them.
-- Without fastupdate: each search would read the list of pending entries as well, and the planner shuns it for that.

DO $do$
BEGIN
    IF EXISTS (SELECT FROM pg_catalog.pg_available_extensions WHERE name = 'btree_gin') THEN
        CREATE EXTENSION IF NOT EXISTS btree_gin WITH SCHEMA public;
    END IF;
EXCEPTION
    WHEN insufficient_privilege OR undefined_file THEN
        RAISE NOTICE 'btree_gin cannot be created (%): the search index will not hold the organisation', SQLERRM;
END
$do$;

DO $do$
BEGIN
    IF EXISTS (SELECT FROM pg_catalog.pg_extension WHERE extname = 'btree_gin') THEN
        CREATE INDEX content_requests_search_idx ON public.content_requests USING gin (organization_id, search_vector)
            WITH (fastupdate = off);
    ELSE
        CREATE INDEX content_requests_search_idx ON public.content_requests USING gin (search_vector) WITH (fastupdate = off);
    END IF;
END
$do$;
COMMENT ON INDEX public.content_requests_search_idx IS
    'Serves: organization_id = … AND search_vector @@ websearch_to_tsquery(''english'', …), ranked with ts_rank afterwards.';
