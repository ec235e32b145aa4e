-- Every line of the configuration files, and what is wrong with it.
-- grant: SELECT ON pg_catalog.pg_file_settings; EXECUTE ON FUNCTION pg_catalog.pg_show_all_file_settings()
SELECT f.seqno, f.name,
       CASE WHEN f.setting ~* 'password\s*=' OR f.setting ~ '://[^/@]*:[^@]*@'
              OR (f.setting <> '' AND f.name ~* 'passphrase|password$|secret|token|api_?key') THEN '***'
                  ELSE f.setting END AS setting,
       f.sourcefile, f.sourceline, f.applied, f.error, s.context, s.pending_restart
  FROM pg_catalog.pg_file_settings f
  LEFT JOIN pg_catalog.pg_settings s ON pg_catalog.lower(s.name) = pg_catalog.lower(f.name)
 ORDER BY f.error IS NULL, f.seqno
