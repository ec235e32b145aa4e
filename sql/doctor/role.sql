-- Attributes, predefined roles and privileges of the connected role in this database; one row.
SELECT r.rolname::text AS name, pg_catalog.quote_ident(r.rolname) AS quoted, r.rolsuper AS superuser,
       r.rolcreaterole AS makes_roles, r.rolreplication AS replication, r.rolconnlimit AS most_connections,
       pg_catalog.quote_ident(d.datname) AS database,
       pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(d.datdba)) AS database_owner,
       pg_catalog.has_database_privilege(d.oid, 'CREATE') AS makes_schemas,
       pg_catalog.has_schema_privilege(p.oid, 'USAGE') AS uses_public,
       pg_catalog.has_schema_privilege(p.oid, 'CREATE') AS makes_tables,
       pg_catalog.has_function_privilege('pg_catalog.pg_reload_conf()', 'EXECUTE') AS reloads,
       pg_catalog.has_function_privilege('pg_catalog.pg_wal_replay_resume()', 'EXECUTE') AS resumes,
       m.known, m.held
  FROM pg_catalog.pg_roles r
  JOIN pg_catalog.pg_database d ON d.datname = pg_catalog.current_database()
  LEFT JOIN pg_catalog.pg_namespace p ON p.nspname = 'public'
 CROSS JOIN LATERAL (
       SELECT coalesce(pg_catalog.array_agg(g.rolname::text ORDER BY g.rolname), '{}') AS known,
              coalesce(pg_catalog.array_agg(g.rolname::text ORDER BY g.rolname)
                         FILTER (WHERE pg_catalog.pg_has_role(r.oid, g.oid, 'USAGE')), '{}') AS held
         FROM pg_catalog.pg_roles g WHERE g.rolname = ANY (%(predefined)s::text[]) AND g.oid < 16384) m
 WHERE r.rolname = CURRENT_USER
