-- The named settings that this role may write with ALTER SYSTEM.
SELECT n.name
  FROM pg_catalog.unnest(%(names)s::text[]) AS n(name)
 WHERE pg_catalog.has_parameter_privilege(n.name, 'ALTER SYSTEM')
