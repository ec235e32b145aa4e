-- Those of the named settings that exist on this server and are visible to this role.
SELECT s.name, s.setting, s.unit, s.context
  FROM pg_catalog.pg_settings s
 WHERE s.name = ANY (%(names)s::text[])
 ORDER BY s.name
