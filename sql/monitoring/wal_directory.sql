-- The WAL files in pg_wal: how many there are and how much room they take; one row.
-- lane: slow
-- right: EXECUTE ON FUNCTION pg_catalog.pg_ls_waldir()
SELECT 'pg_wal' AS what, pg_catalog.count(*) AS files, coalesce(pg_catalog.sum(f.size), 0)::bigint AS held
  FROM pg_catalog.pg_ls_waldir() f
