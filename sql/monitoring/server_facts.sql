-- What the console must know of a server after connecting: version, role, privileges, extensions.
-- Each column is a subquery of its own: where a catalog lacks what it names, the others are known.
SELECT pg_catalog.current_setting('server_version') AS version_text,
       pg_catalog.current_database()::text AS database,
       CURRENT_USER::text AS "user",
       pg_catalog.pg_is_in_recovery() AS standby,
       pg_catalog.pg_postmaster_start_time()::text AS started,
       (SELECT r.rolsuper FROM pg_catalog.pg_roles r WHERE r.rolname = CURRENT_USER) AS superuser,
       (SELECT l.rolname::text FROM pg_catalog.pg_roles l
         WHERE l.rolname = SESSION_USER AND l.rolsuper AND SESSION_USER <> CURRENT_USER) AS assumed_by,
       (SELECT r.rolsuper OR pg_catalog.pg_has_role(r.oid, 'pg_read_all_stats', 'USAGE')
          FROM pg_catalog.pg_roles r WHERE r.rolname = CURRENT_USER) AS sees_all_sessions,
       (SELECT r.rolsuper OR pg_catalog.pg_has_role(r.oid, 'pg_read_all_data', 'USAGE')
          FROM pg_catalog.pg_roles r WHERE r.rolname = CURRENT_USER) AS reads_all_data,
       (SELECT coalesce(pg_catalog.array_agg(x.extname::text ORDER BY x.oid), '{}')
          FROM pg_catalog.pg_extension x) AS extensions,
       (SELECT coalesce(pg_catalog.array_agg(x.extversion ORDER BY x.oid), '{}')
          FROM pg_catalog.pg_extension x) AS extension_versions,
       (SELECT coalesce(pg_catalog.array_agg((pg_catalog.parse_ident(
                          x.extnamespace::pg_catalog.regnamespace::text))[1] ORDER BY x.oid), '{}')
          FROM pg_catalog.pg_extension x) AS extension_schemas,
       (SELECT coalesce(pg_catalog.array_agg(pg_catalog.has_schema_privilege(x.extnamespace, 'USAGE') ORDER BY x.oid),
                        '{}')
          FROM pg_catalog.pg_extension x) AS extension_usable
