-- The entries of the configuration files, in order of precedence.
SELECT f.seqno, pg_catalog.lower(f.name) AS name, f.setting, f.sourcefile, f.sourceline, f.applied, f.error,
       f.sourcefile LIKE '%%/postgresql.auto.conf' AS auto,
       s.context
  FROM pg_catalog.pg_file_settings f
  LEFT JOIN pg_catalog.pg_settings s ON pg_catalog.lower(s.name) = pg_catalog.lower(f.name)
 ORDER BY f.seqno
