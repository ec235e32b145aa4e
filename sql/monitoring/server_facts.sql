-- What the console must know of a server after connecting: version, role, privileges, extensions.
-- whole: yes
SELECT pg_catalog.current_setting('server_version') AS version_text,
       pg_catalog.current_database()::text AS database,
       CURRENT_USER::text AS "user",
       pg_catalog.pg_is_in_recovery() AS standby,
       pg_catalog.pg_postmaster_start_time()::text AS started,
       r.rolsuper AS superuser,
       (SELECT l.rolname::text FROM pg_catalog.pg_roles l
         WHERE l.rolname = SESSION_USER AND l.rolsuper AND SESSION_USER <> CURRENT_USER) AS assumed_by,
       r.rolsuper OR pg_catalog.pg_has_role(r.oid, 'pg_read_all_stats', 'USAGE') AS sees_all_sessions,
       r.rolsuper OR pg_catalog.pg_has_role(r.oid, 'pg_read_all_data', 'USAGE') AS reads_all_data,
       e.names AS extensions, e.versions AS extension_versions, e.schemas AS extension_schemas,
       e.usable AS extension_usable
  FROM pg_catalog.pg_roles r
 CROSS JOIN (SELECT coalesce(pg_catalog.array_agg(x.extname::text), '{}') AS names,
                    coalesce(pg_catalog.array_agg(x.extversion), '{}') AS versions,
                    coalesce(pg_catalog.array_agg(n.nspname::text), '{}') AS schemas,
                    coalesce(pg_catalog.array_agg(pg_catalog.has_schema_privilege(n.oid, 'USAGE')), '{}') AS usable
               FROM pg_catalog.pg_extension x JOIN pg_catalog.pg_namespace n ON n.oid = x.extnamespace) e
 WHERE r.rolname = CURRENT_USER
