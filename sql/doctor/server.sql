-- Facts of the server and the connection that decide what works; one row.
SELECT pg_catalog.current_database()::text AS database, pg_catalog.pg_is_in_recovery() AS standby,
       pg_catalog.pg_encoding_to_char(d.encoding)::text AS encoding, d.datcollate::text AS collation,
       pg_catalog.host(pg_catalog.inet_client_addr()) AS client,
       pg_catalog.host(pg_catalog.inet_server_addr()) AS address,
       pg_catalog.now() AS now,
       -- A pooler that drops unknown settings also drops those that make the connection read-only.
       pg_catalog.current_setting('default_transaction_read_only') = 'on'
       AND pg_catalog.current_setting('search_path') = 'pg_catalog, pg_temp' AS own_session,
       pg_catalog.current_setting('max_connections')::int AS max_connections,
       pg_catalog.current_setting('superuser_reserved_connections')::int AS for_superusers,
       coalesce(pg_catalog.current_setting('reserved_connections', true), '0')::int AS reserved,
       s.used, s.visible, s.sessions, w.waiting, w.overridden, m.signs
  FROM pg_catalog.pg_database d
 CROSS JOIN (SELECT pg_catalog.count(*) FILTER (WHERE coalesce(a.backend_type = 'client backend',
                                                  (a.datid, a.usesysid) IS NOT NULL AND a.backend_start IS NULL))
                      AS used,
                    pg_catalog.count(*) AS sessions, pg_catalog.count(a.backend_start) AS visible
               FROM pg_catalog.pg_stat_get_activity(NULL) a) s
 CROSS JOIN (SELECT coalesce(pg_catalog.array_agg(x.name ORDER BY x.name) FILTER (WHERE NOT x.fixed), '{}') AS waiting,
                    coalesce(pg_catalog.array_agg(x.name ORDER BY x.name) FILTER (WHERE x.fixed), '{}') AS overridden
               FROM (SELECT y.name, y.source = 'command line' AS fixed
                       FROM pg_catalog.pg_settings y WHERE y.pending_restart) x) w
       -- Roles that only a managed service creates.
 CROSS JOIN (SELECT coalesce(pg_catalog.array_agg(r.rolname::text ORDER BY r.rolname), '{}') AS signs
               FROM pg_catalog.pg_roles r WHERE r.rolname = ANY (%(signs)s::text[])) m
 WHERE d.datname = pg_catalog.current_database()
