-- Which statements go to the server's log.
SELECT pg_catalog.current_setting('log_statement')
