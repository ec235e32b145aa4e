-- Whether max_wal_size was given on the server's command line, so that no file can change it.
SELECT s.source = 'command line' AS fixed FROM pg_catalog.pg_settings s WHERE s.name = 'max_wal_size'
