-- What a pooler must know of the server: its address, its connection limits, its users.
SELECT pg_catalog.current_database()::text AS database,
       coalesce(pg_catalog.host(pg_catalog.inet_server_addr()), '127.0.0.1') AS host,
       coalesce(pg_catalog.inet_server_port(), pg_catalog.current_setting('port')::int) AS port,
       pg_catalog.current_setting('max_connections')::int AS most,
       pg_catalog.current_setting('superuser_reserved_connections')::int
         + coalesce(pg_catalog.current_setting('reserved_connections', true)::int, 0) AS reserved,
       (SELECT pg_catalog.count(*)::int FROM pg_catalog.pg_roles r
         WHERE r.rolcanlogin AND NOT r.rolsuper
           AND pg_catalog.has_database_privilege(r.oid, d.oid, 'CONNECT')) AS users,
       d.datconnlimit::int AS "limit",
       EXISTS (SELECT FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
                 JOIN pg_catalog.pg_roles r ON r.rolname = 'pgbouncer_auth'
                WHERE n.nspname = 'pgbouncer' AND p.proname = 'get_auth' AND p.proargtypes = '25'::pg_catalog.oidvector
                  AND pg_catalog.has_function_privilege(r.oid, p.oid, 'EXECUTE')
                  AND pg_catalog.has_schema_privilege(r.oid, n.oid, 'USAGE')) AS look_up
  FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database()
