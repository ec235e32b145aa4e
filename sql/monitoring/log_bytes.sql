-- Some bytes of a file of the log; null: there is no such file.
-- lane: slow
-- grant: EXECUTE ON FUNCTION pg_catalog.pg_read_binary_file(text, bigint, bigint, boolean)
SELECT pg_catalog.pg_read_binary_file(%(path)s::text, %(start)s::bigint, %(length)s::bigint, true) AS bytes
