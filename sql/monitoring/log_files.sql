-- The files in the folder of the log, the one that was written last at the end.
-- lane: slow
-- grant: EXECUTE ON FUNCTION pg_catalog.pg_ls_logdir()
SELECT f.name, f.size, pg_catalog.date_part('epoch', f.modification) AS modified
  FROM pg_catalog.pg_ls_logdir() f
 WHERE f.name LIKE '%%' || %(suffix)s::text
 ORDER BY f.modification DESC, f.name DESC LIMIT 100
