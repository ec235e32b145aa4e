-- Statements that grant the roles of the pipeline their missing privileges in this database.
WITH me AS MATERIALIZED (
  SELECT r.oid, r.rolname, r.rolsuper,
         r.rolcreaterole AND pg_catalog.current_setting('server_version_num')::int < 160000 AS governs
    FROM pg_catalog.pg_roles r WHERE r.rolname = CURRENT_USER
), role AS MATERIALIZED (
  SELECT w.name, r.oid FROM (VALUES ('pipeline_owner'), ('pipeline_app'), ('pipeline_readonly'), ('pipeline_monitor'),
                             ('pgbouncer_auth')) AS w (name)
    LEFT JOIN pg_catalog.pg_roles r ON r.rolname = w.name
), place AS MATERIALIZED (
  SELECT d.datname, d.datdba, coalesce(d.datacl, pg_catalog.acldefault('d', d.datdba)) AS datacl,
         n.oid AS schema, n.nspowner, coalesce(n.nspacl, pg_catalog.acldefault('n', n.nspowner)) AS nspacl
    FROM pg_catalog.pg_database d
    LEFT JOIN pg_catalog.pg_namespace n ON n.nspname = 'public'
   WHERE d.datname = pg_catalog.current_database()
), existing AS MATERIALIZED (
  SELECT c.oid, c.relowner, c.relkind, pg_catalog.format('%%I.%%I', 'public', c.relname) AS name
    FROM pg_catalog.pg_class c JOIN place p ON p.schema = c.relnamespace
   WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND NOT c.relispartition
     AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
                     AND d.objid = c.oid
                        AND d.deptype = 'e')
     -- The application gets no privileges on the console's own tables.
     AND c.relname NOT IN ('schema_migrations', 'console_audit', 'console_audit_id_seq', 'console_refreshes',
                           'console_refreshes_id_seq', 'capacity_samples')
), wish AS (
  -- privileges on the database and on the schema
  SELECT 10 AS ordinal, r.name, v.privilege, 'DATABASE' AS kind, pg_catalog.quote_ident(p.datname) AS what,
         p.datdba AS owner,
         CASE v.privilege WHEN 'CREATE' THEN 'may create schemas and trusted extensions'
             ELSE 'may connect to this database'
             END AS note
    FROM role r CROSS JOIN place p
   CROSS JOIN LATERAL (SELECT 'CONNECT' WHERE true UNION ALL SELECT 'CREATE' WHERE r.name = 'pipeline_owner')
       AS v (privilege)
   WHERE NOT coalesce(pg_catalog.has_database_privilege(r.oid, p.datname, v.privilege), EXISTS (
           SELECT FROM pg_catalog.aclexplode(p.datacl) a WHERE a.grantee = 0 AND a.privilege_type = v.privilege))
  UNION ALL
  SELECT 20, r.name, v.privilege, 'SCHEMA', 'public', p.nspowner,
         CASE v.privilege WHEN 'CREATE' THEN 'may create tables' ELSE 'may access the tables' END
    FROM role r JOIN place p ON p.schema IS NOT NULL AND r.name <> 'pgbouncer_auth'
   CROSS JOIN LATERAL (SELECT 'USAGE' WHERE true UNION ALL SELECT 'CREATE' WHERE r.name = 'pipeline_owner')
       AS v (privilege)
   -- CREATE of PUBLIC is revoked below.
   WHERE NOT coalesce(pg_catalog.has_schema_privilege(r.oid, p.schema, v.privilege) AND (v.privilege = 'USAGE'
         OR NOT EXISTS (
             SELECT FROM pg_catalog.aclexplode(p.nspacl) a WHERE a.grantee = 0 AND a.privilege_type = 'CREATE')),
                    v.privilege = 'USAGE' AND EXISTS (
           SELECT FROM pg_catalog.aclexplode(p.nspacl) a WHERE a.grantee = 0 AND a.privilege_type = v.privilege))
  UNION ALL
  -- on existing objects
  SELECT 30, r.name, v.privilege, CASE e.relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END, e.name, e.relowner,
         'access to existing objects'
    FROM existing e
   CROSS JOIN (VALUES ('pipeline_app', 'SELECT', 'rpvmfS'), ('pipeline_app', 'INSERT', 'rp'), ('pipeline_app', 'UPDATE',
         'rp'),
                      ('pipeline_app', 'DELETE', 'rp'), ('pipeline_app', 'USAGE', 'S'),
                      ('pipeline_readonly', 'SELECT', 'rpvmfS')) AS v (name, privilege, kinds)
    JOIN role r ON r.name = v.name
   WHERE pg_catalog.strpos(v.kinds, e.relkind::text) > 0
     AND NOT CASE WHEN r.oid IS NULL THEN false
                  WHEN e.relkind = 'S' THEN pg_catalog.has_sequence_privilege(r.oid, e.oid, v.privilege)
                  ELSE pg_catalog.has_table_privilege(r.oid, e.oid, v.privilege) END
), by_object AS (
  SELECT w.ordinal, w.name, w.kind, w.what, w.owner, w.note,
         pg_catalog.string_agg(w.privilege, ', ' ORDER BY w.privilege) AS privileges
    FROM wish w GROUP BY w.ordinal, w.name, w.kind, w.what, w.owner, w.note
), grants AS (
  SELECT b.ordinal, b.name, b.note, pg_catalog.pg_get_userbyid(b.owner) AS owner,
         pg_catalog.format('%%s ON %%s %%s', b.privileges, b.kind, pg_catalog.string_agg(b.what, ', ' ORDER BY b.what))
             AS what,
         me.rolsuper OR pg_catalog.pg_has_role(b.owner, 'USAGE') AS allowed
    FROM by_object b CROSS JOIN me
   GROUP BY b.ordinal, b.name, b.kind, b.privileges, b.note, b.owner, me.rolsuper
), default_wish AS MATERIALIZED (
  SELECT c.creator, c.oid AS creator_oid, c.inside, c.place, w.name, w.kind, w.kinds, w.privileges
    FROM (VALUES ('pipeline_app', 'TABLES', 'r', ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE']),
          ('pipeline_app', 'SEQUENCES', 'S', ARRAY['USAGE', 'SELECT']),
                 ('pipeline_app', 'SCHEMAS', 'n', ARRAY['USAGE']),
                 ('pipeline_readonly', 'TABLES', 'r', ARRAY['SELECT']),
                 ('pipeline_readonly', 'SEQUENCES', 'S', ARRAY['SELECT']),
                 ('pipeline_readonly', 'SCHEMAS', 'n', ARRAY['USAGE']))
           AS w (name, kinds, kind, privileges)
   CROSS JOIN LATERAL (
     SELECT r.name, r.oid, '' AS inside, 0::pg_catalog.oid AS place FROM role r WHERE r.name = 'pipeline_owner'
     UNION ALL  -- the connected role may create tables too; objects of a superuser may belong to an extension
     SELECT me.rolname, me.oid, ' IN SCHEMA public', p.schema FROM me JOIN place p ON p.schema IS NOT NULL
      WHERE NOT me.rolsuper AND me.rolname <> 'pipeline_owner' AND w.kind <> 'n'
        AND pg_catalog.has_schema_privilege(me.oid, p.schema, 'CREATE')) AS c (creator, oid, inside, place)
   WHERE NOT EXISTS (
     SELECT FROM pg_catalog.pg_default_acl d JOIN role r ON r.name = w.name
      WHERE d.defaclrole = c.oid AND d.defaclobjtype = w.kind::"char" AND d.defaclnamespace = c.place
        AND (SELECT pg_catalog.array_agg(a.privilege_type) FROM pg_catalog.aclexplode(d.defaclacl) a
             WHERE a.grantee = r.oid) @> w.privileges)
), mine AS MATERIALIZED (
  -- Whether default privileges of the owner may be changed: with its rights, or by granting itself the role.
  SELECT me.rolname, coalesce(me.rolsuper OR pg_catalog.pg_has_role(o.oid, 'USAGE'), false) AS has,
         o.oid IS NULL OR me.governs OR pg_catalog.pg_has_role(o.oid, 'MEMBER WITH ADMIN OPTION') AS takes
    FROM me CROSS JOIN role o WHERE o.name = 'pipeline_owner'
), borrowed AS (
  SELECT m.rolname FROM mine m WHERE NOT m.has AND m.takes
      AND EXISTS (SELECT FROM default_wish w WHERE w.creator = 'pipeline_owner')
), defaults AS (
  SELECT w.creator, pg_catalog.format('ALTER DEFAULT PRIVILEGES FOR ROLE %%I%%s ', w.creator, w.inside) AS head,
         pg_catalog.format('%%s ON %%s', pg_catalog.array_to_string(w.privileges, ', '), w.kinds) AS what, w.name,
         w.inside,
         w.creator <> 'pipeline_owner' OR m.has OR m.takes AS allowed
    FROM default_wish w CROSS JOIN mine m
), step AS (
  SELECT g.ordinal, g.name AS sorting, pg_catalog.format('GRANT %%s TO %%I', g.what, g.name) AS sql,
         pg_catalog.format('REVOKE %%s FROM %%I', g.what, g.name) AS undo,
         g.note, g.allowed, g.owner::text AS who
    FROM grants g
  UNION ALL
  SELECT 25, '', 'REVOKE CREATE ON SCHEMA public FROM PUBLIC', 'GRANT CREATE ON SCHEMA public TO PUBLIC',
         'anyone who may create objects there could shadow functions and operators owned by other roles',
         me.rolsuper OR pg_catalog.pg_has_role(p.nspowner, 'USAGE'),
         pg_catalog.pg_get_userbyid(p.nspowner)
    FROM place p CROSS JOIN me
   WHERE EXISTS (SELECT FROM pg_catalog.aclexplode(p.nspacl) a WHERE a.grantee = 0 AND a.privilege_type = 'CREATE')
  UNION ALL
  SELECT 40, '', pg_catalog.format('GRANT pipeline_owner TO %%I', b.rolname), NULL,
         'needed only for the next statements', true, '' FROM borrowed b
  UNION ALL
  SELECT 50, d.creator || d.name, d.head || pg_catalog.format('GRANT %%s TO %%I', d.what, d.name),
         d.head || pg_catalog.format('REVOKE %%s FROM %%I', d.what, d.name),
         'for objects created later', d.allowed, 'pipeline_owner'
    FROM defaults d
  UNION ALL
  SELECT 60, '', pg_catalog.format('REVOKE pipeline_owner FROM %%I', b.rolname), NULL, 'no longer needed', true,
         '' FROM borrowed b
)
SELECT CASE WHEN s.allowed THEN s.sql END AS sql,
       CASE WHEN NOT s.allowed
            THEN pg_catalog.format('Skipped, because only %%I or a superuser may run it: %%s;', s.who, s.sql)
       END AS notice,
       NULL AS secret, s.undo, s.note, 'none' AS lock, 'roles' AS "group"
  FROM step s
 ORDER BY s.ordinal, s.sorting, s.sql
