-- What a setting is for, which values it takes, when a new one counts, and which roles and databases have their own.
WITH it AS (SELECT * FROM pg_catalog.pg_settings s WHERE s.name = %(name)s)
SELECT 'what for' AS item, pg_catalog.concat_ws(' ', it.short_desc, it.extra_desc) AS value FROM it
UNION ALL
SELECT 'unit', it.unit FROM it WHERE it.unit IS NOT NULL
UNION ALL
SELECT 'values', coalesce(pg_catalog.array_to_string(it.enumvals, ', '), it.min_val || ' to ' || it.max_val)
  FROM it WHERE it.enumvals IS NOT NULL OR it.min_val IS NOT NULL
UNION ALL
SELECT 'counts', CASE it.context WHEN 'postmaster' THEN 'after a restart' WHEN 'sighup' THEN 'after a reload'
                                 WHEN 'internal' THEN 'never: it is fixed' WHEN 'backend' THEN 'in new sessions'
                                 WHEN 'superuser-backend' THEN 'in new sessions; superusers may set it'
                                 WHEN 'superuser' THEN 'after a reload; superusers may set it in a session'
                                 ELSE 'after a reload; any session may set its own' END FROM it
UNION ALL
SELECT pg_catalog.concat_ws(' in ', 'role ' || r.rolname, 'database ' || d.datname),
       CASE WHEN v.value ~* 'password\s*=' OR v.value ~ '://[^/@]*:[^@]*@'
              OR (v.value <> '' AND v.name ~* 'passphrase|password$|secret|token|api_?key') THEN '***' ELSE v.value END
  FROM pg_catalog.pg_db_role_setting s
 CROSS JOIN pg_catalog.unnest(s.setconfig) AS c(entry)
 CROSS JOIN LATERAL (SELECT pg_catalog.split_part(c.entry, '=', 1),
                            pg_catalog.substr(c.entry, pg_catalog.strpos(c.entry, '=') + 1)) AS v(name, value)
  LEFT JOIN pg_catalog.pg_roles r ON r.oid = s.setrole
  LEFT JOIN pg_catalog.pg_database d ON d.oid = s.setdatabase
 WHERE v.name = %(name)s
