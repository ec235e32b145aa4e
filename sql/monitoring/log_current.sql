-- The file to which the server logs in a format now.
-- lane: slow
-- grant: EXECUTE ON FUNCTION pg_catalog.pg_current_logfile(text)
SELECT pg_catalog.pg_current_logfile(%(format)s::text) AS path
