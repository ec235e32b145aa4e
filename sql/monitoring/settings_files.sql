-- Every line of the configuration files, and what is wrong with it.
SELECT f.seqno, f.name, f.setting, f.sourcefile, f.sourceline, f.applied, f.error, s.context, s.pending_restart
  FROM pg_catalog.pg_file_settings f
  LEFT JOIN pg_catalog.pg_settings s ON pg_catalog.lower(s.name) = pg_catalog.lower(f.name)
 ORDER BY f.error IS NULL, f.seqno
