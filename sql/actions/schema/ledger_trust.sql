-- Why the ledger of migrations must not be believed: who else than this role, a superuser or the owner of the database
-- has made it, or the owner that was given, could make files seem applied. Members of the owning role may, except
-- superusers, who are of every role.
SELECT CASE WHEN c.relkind <> 'r'
       THEN 'public.schema_migrations is not an ordinary table, so it is not the ledger of the migrations.'
            ELSE pg_catalog.format('public.schema_migrations belongs to %%s, who may have made it to deceive.',
                                   o.rolname) END AS refused,
       CASE WHEN c.relkind <> 'r' THEN 'Rename or drop it.'
            ELSE pg_catalog.format('If the schema is meant to be theirs, say so with --set owner=%%s; if not, look at '
                                   'the table and drop it.',
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
