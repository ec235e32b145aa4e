-- Values that ALTER ROLE and ALTER DATABASE put above those of the server.
SELECT s.setdatabase::bigint AS database_oid, s.setrole::bigint AS role_oid,
       v.name,
       CASE WHEN v.value ~* 'password\s*=' OR v.value ~ '://[^/@]*:[^@]*@'
              OR (v.value <> '' AND v.name ~* 'passphrase|password$|secret|token|api_?key') THEN '***'
                  ELSE v.value END AS value,
       r.rolname::text AS role, d.datname::text AS database
  FROM pg_catalog.pg_db_role_setting s
 CROSS JOIN pg_catalog.unnest(s.setconfig) AS c(entry)
 CROSS JOIN LATERAL (SELECT pg_catalog.split_part(c.entry, '=', 1),
                            pg_catalog.substr(c.entry, pg_catalog.strpos(c.entry, '=') + 1)) AS v(name, value)
  LEFT JOIN pg_catalog.pg_roles r ON r.oid = s.setrole
  LEFT JOIN pg_catalog.pg_database d ON d.oid = s.setdatabase
