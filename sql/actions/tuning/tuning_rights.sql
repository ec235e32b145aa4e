-- The named settings that this role may write with ALTER SYSTEM; before PostgreSQL 15 only a superuser may.
SELECT n.name
  FROM pg_catalog.unnest(%(names)s::text[]) AS n(name)
 WHERE (SELECT r.rolsuper FROM pg_catalog.pg_roles r WHERE r.rolname = CURRENT_USER)
