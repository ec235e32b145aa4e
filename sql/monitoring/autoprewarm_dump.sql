-- How many seconds ago autoprewarm wrote its list of blocks; NULL: there is no such file.
-- grant: EXECUTE ON FUNCTION pg_catalog.pg_stat_file(text, boolean)
SELECT w.dump_file, true AS dump_read,
       pg_catalog.date_part('epoch', pg_catalog.clock_timestamp() - f.modification) AS dump_age
  FROM pg_catalog.unnest(%(dump_file)s::text[]) w(dump_file)
 CROSS JOIN LATERAL pg_catalog.pg_stat_file(w.dump_file, true) f
