-- How many requests of one load test there are.
SELECT pg_catalog.count(*) FROM public.content_requests AS r
 WHERE pg_catalog.starts_with(r.title, %(prefix)s) AND r.content_brief = 'Created by a load test.'
