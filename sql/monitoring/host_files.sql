-- Files of the machine of the server, each up to 256 kB; null: there is no such file.
-- grant: pg_read_server_files; EXECUTE ON FUNCTION pg_catalog.pg_read_file(text, bigint, bigint, boolean)
SELECT f.path, pg_catalog.pg_read_file(f.path, 0, 262144, true) AS text
  FROM pg_catalog.unnest(%(paths)s::text[]) AS f(path)
