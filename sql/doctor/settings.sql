-- The settings among those named that this server has and this role may see.
SELECT s.name, s.setting, s.unit, s.context
  FROM pg_catalog.pg_settings s
 WHERE s.name = ANY (%(names)s::text[])
 ORDER BY s.name
