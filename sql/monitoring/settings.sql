-- Settings as a new session of this role and database gets them: value, default, where the value comes from.
-- A value that holds a password is not read.
-- settings: server
SELECT s.name,
       CASE WHEN v.setting OPERATOR(pg_catalog.~*) 'password\s*=' OR v.setting OPERATOR(pg_catalog.~) '://[^/@]*:[^@]*@'
              OR (v.setting OPERATOR(pg_catalog.<>) ''
                  AND s.name OPERATOR(pg_catalog.~*) 'passphrase|password$|secret|token|api_?key') THEN '***'
                  ELSE v.setting END AS setting,
       s.unit, s.vartype, s.context, s.min_val, s.max_val, s.enumvals, s.boot_val, s.source,
       s.sourcefile, s.sourceline, s.pending_restart, CASE WHEN s.pending_restart THEN s.name END AS waiting_name,
       s.category, s.short_desc,
       pg_catalog.current_setting('server_version_num')::int OPERATOR(pg_catalog./) 10000 AS major
  FROM pg_catalog.pg_settings s
 CROSS JOIN LATERAL (SELECT CASE WHEN s.source OPERATOR(pg_catalog.=) 'session' THEN s.reset_val
                                 ELSE s.setting END AS setting) v
 ORDER BY s.name
