-- Which statements the server logs.
SELECT pg_catalog.current_setting('log_statement')
