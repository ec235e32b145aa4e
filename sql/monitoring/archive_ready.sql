-- WAL files that wait to be archived; one row.
-- right: EXECUTE ON FUNCTION pg_catalog.pg_ls_archive_statusdir()
SELECT pg_catalog.count(*) AS files,
       pg_catalog.count(*) * pg_catalog.pg_size_bytes(pg_catalog.current_setting('wal_segment_size')) AS bytes
  FROM pg_catalog.pg_ls_archive_statusdir() f WHERE f.name LIKE '%%.ready'
