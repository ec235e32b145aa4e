-- Which of some privileges on relations, functions and schemas this role has; NULL: there is no such object.
-- What cannot be looked at without the privilege on its schema is not looked up there: that alone would be an error.
SELECT w."right",
       CASE WHEN NOT s.usable OR w.kind = 'schema' THEN s.usable
            WHEN w.kind = 'function'
            THEN pg_catalog.has_function_privilege(pg_catalog.to_regprocedure(w.object), w.privilege)
            ELSE (SELECT pg_catalog.has_any_column_privilege(c.oid, w.privilege)
                    FROM pg_catalog.pg_class c WHERE c.relnamespace = s.oid AND c.relname = w.path[2]) END AS held
  FROM (SELECT u."right", u.kind, u.privilege, u.object, pg_catalog.parse_ident(u.object, false) AS path
          FROM ROWS FROM (pg_catalog.unnest(%(rights)s::text[]), pg_catalog.unnest(%(kinds)s::text[]),
                          pg_catalog.unnest(%(privileges)s::text[]), pg_catalog.unnest(%(objects)s::text[]))
                          AS u("right", kind, privilege, object)) w
  LEFT JOIN LATERAL (
       SELECT n.oid, pg_catalog.has_schema_privilege(n.oid, 'USAGE') AS usable
         FROM pg_catalog.pg_namespace n WHERE n.nspname = w.path[1]) s ON true
