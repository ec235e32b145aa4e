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
SELECT 'at reset', it.reset_val FROM it WHERE it.reset_val IS DISTINCT FROM it.setting
UNION ALL
SELECT pg_catalog.concat_ws(' in ', 'role ' || r.rolname, 'database ' || d.datname),
       pg_catalog.substr(c.entry, pg_catalog.strpos(c.entry, '=') + 1)
  FROM pg_catalog.pg_db_role_setting s
 CROSS JOIN pg_catalog.unnest(s.setconfig) AS c(entry)
  LEFT JOIN pg_catalog.pg_roles r ON r.oid = s.setrole
  LEFT JOIN pg_catalog.pg_database d ON d.oid = s.setdatabase
 WHERE pg_catalog.split_part(c.entry, '=', 1) = %(name)s
