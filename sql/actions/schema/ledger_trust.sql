-- Why the migration ledger is not trusted: its owner could make migrations seem applied.
--
-- Trusted owners are this role, a superuser, the owner of the database and the given owner; also a role that this role
-- is a member of, except for superusers, who are members of every role.
SELECT CASE WHEN c.relkind <> 'r'
       THEN 'public.schema_migrations is not an ordinary table, so it is not the migration ledger.'
            ELSE pg_catalog.format('public.schema_migrations is owned by %%s, who is not trusted with the migration '
                                   'ledger.',
                                   o.rolname) END AS refused,
       CASE WHEN c.relkind <> 'r' THEN 'Rename or drop it.'
            ELSE pg_catalog.format('If that role is meant to own the schema, confirm it with --set owner=%%s; '
                                   'otherwise inspect the table and drop it.',
                                   pg_catalog.quote_ident(o.rolname)) END AS remedy
  FROM pg_catalog.pg_class c
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_catalog.pg_roles o ON o.oid = c.relowner
  JOIN pg_catalog.pg_database d ON d.datname = pg_catalog.current_database()
 WHERE n.nspname = 'public' AND c.relname = 'schema_migrations'
   AND (c.relkind <> 'r'
        OR NOT (o.rolsuper OR o.oid = d.datdba OR o.rolname IN (CURRENT_USER, %(owner)s)
                OR (NOT (SELECT r.rolsuper FROM pg_catalog.pg_roles r WHERE r.rolname = CURRENT_USER)
                    AND pg_catalog.pg_has_role(o.oid, 'MEMBER'))))
