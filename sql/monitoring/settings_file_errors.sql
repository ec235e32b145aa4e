-- How many lines of the configuration files the server rejects, or applies only at a restart.
-- grant: SELECT ON pg_catalog.pg_file_settings; EXECUTE ON FUNCTION pg_catalog.pg_show_all_file_settings()
SELECT pg_catalog.count(*)::int AS lines FROM pg_catalog.pg_file_settings f WHERE f.error IS NOT NULL
