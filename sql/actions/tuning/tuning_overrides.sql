-- Values set by ALTER ROLE and ALTER DATABASE, which override the server settings.
SELECT pg_catalog.split_part(c.entry, '=', 1) AS name,
       pg_catalog.substr(c.entry, pg_catalog.strpos(c.entry, '=') + 1) AS value,
       r.rolname::text AS role, d.datname::text AS database
  FROM pg_catalog.pg_db_role_setting s
 CROSS JOIN pg_catalog.unnest(s.setconfig) AS c(entry)
  LEFT JOIN pg_catalog.pg_roles r ON r.oid = s.setrole
  LEFT JOIN pg_catalog.pg_database d ON d.oid = s.setdatabase
 WHERE pg_catalog.split_part(c.entry, '=', 1) = ANY (%(names)s::text[])
 ORDER BY 1, 3, 4
