-- Settings of the server: value, default, where the value comes from, what waits for a restart.
-- A value that holds a password is not read.
SELECT s.name,
       CASE WHEN s.setting ~* 'password\s*=' OR s.setting ~ '://[^/@]*:[^@]*@'
              OR (s.setting <> '' AND s.name ~* 'passphrase|password$|secret|token|api_?key') THEN '***'
                  ELSE s.setting END AS setting,
       s.unit, s.vartype, s.context, s.min_val, s.max_val, s.enumvals, s.boot_val, s.source,
       s.sourcefile, s.sourceline, s.pending_restart, CASE WHEN s.pending_restart THEN s.name END AS waiting_name, s.category, s.short_desc,
       pg_catalog.current_setting('server_version_num')::int / 10000 AS major
  FROM pg_catalog.pg_settings s
 ORDER BY s.name
