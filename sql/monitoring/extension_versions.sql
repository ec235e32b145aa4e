-- Extensions of this database whose version is not the one that the server's files install.
SELECT e.extname::text AS extension, e.extversion AS version, a.default_version,
       EXISTS (SELECT FROM pg_catalog.pg_available_extension_versions() v
                WHERE v.name = e.extname AND v.version = e.extversion) AS available
  FROM pg_catalog.pg_extension e
  LEFT JOIN pg_catalog.pg_available_extensions() a ON a.name = e.extname
 WHERE a.default_version IS DISTINCT FROM e.extversion
 ORDER BY e.extname
