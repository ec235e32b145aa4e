-- A role with whose rights a statement is to be planned (empty: that of the session), and what makes it too powerful.
-- Code that is run meanwhile can become any role that the session's user is a member of.
-- whole: yes
SELECT r.oid::bigint AS oid, r.rolname::text AS role, r.rolname = SESSION_USER AS own,
       (SELECT u.rolsuper FROM pg_catalog.pg_roles u WHERE u.rolname = SESSION_USER) AS confines,
       pg_catalog.pg_is_in_recovery() AS standby,
       ARRAY(SELECT p.rolname::text FROM pg_catalog.pg_roles p
              WHERE (p.rolsuper OR p.rolname IN ('pg_execute_server_program', 'pg_write_server_files',
                                                 'pg_read_server_files'))
                AND (p.oid = r.oid OR r.rolsuper OR pg_catalog.pg_has_role(r.oid, p.oid, 'MEMBER'))
              ORDER BY p.oid <> r.oid, p.rolname) AS powers
  FROM pg_catalog.pg_roles r
 WHERE r.rolname = coalesce(nullif(%(role)s::text, ''), SESSION_USER::text)
