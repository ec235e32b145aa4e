-- The named extensions: version and schema where installed in this database, version available on the server.
SELECT w.name, x.extversion AS installed, pg_catalog.quote_ident(n.nspname) AS schema, a.default_version AS available,
       coalesce(v.trusted, false) AS trusted
  FROM pg_catalog.unnest(%(names)s::text[]) WITH ORDINALITY AS w(name, at)
  LEFT JOIN pg_catalog.pg_extension x ON x.extname = w.name
  LEFT JOIN pg_catalog.pg_namespace n ON n.oid = x.extnamespace
  LEFT JOIN pg_catalog.pg_available_extensions() a ON a.name = w.name
  LEFT JOIN pg_catalog.pg_available_extension_versions() v ON v.name = w.name AND v.version = a.default_version
 ORDER BY w.at
