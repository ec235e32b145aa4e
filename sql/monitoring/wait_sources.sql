-- What samples the waits of sessions on the server itself: whether it is installed, loaded, and can be read.
--
-- pg_ash is no extension but a schema. Its view is read only where a superuser or the role that reads it owns all of
-- it: the functions of a view run with the rights of whoever reads it.
WITH ash AS MATERIALIZED (
  SELECT pg_catalog.bool_and(pg_catalog.has_schema_privilege(n.oid, 'USAGE')
                             AND pg_catalog.has_table_privilege(c.oid, 'SELECT')) AS may_read,
         pg_catalog.bool_and((o.rolsuper OR o.rolname = SESSION_USER) AND NOT c.relrowsecurity
                             AND c.relkind IN ('r', 'p', 'v')) AS is_trusted,
         pg_catalog.count(DISTINCT c.relname) FILTER (WHERE w.name IS NOT NULL) = 4 AS is_whole
    FROM pg_catalog.pg_namespace n
    JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid
    JOIN pg_catalog.pg_roles o ON o.oid IN (c.relowner, n.nspowner)
    LEFT JOIN (VALUES ('sample'), ('wait_event_map'), ('query_map_all'), ('config')) AS w(name) ON w.name = c.relname
   WHERE n.nspname = 'ash' AND (w.name IS NOT NULL OR c.relname ~ '^(sample|query_map)_[0-9]+$')
)
SELECT l.name, e.extversion::text AS installed, a.default_version::text AS available,
       pg_catalog.current_setting(l.setting, true) IS NOT NULL AS is_loaded, true AS is_trusted, true AS may_read
  FROM (VALUES ('pg_wait_sampling', 'pg_wait_sampling.profile_period'),
               ('pgsentinel', 'pgsentinel_ash.sampling_period')) AS l(name, setting)
  LEFT JOIN pg_catalog.pg_extension e ON e.extname = l.name
  LEFT JOIN pg_catalog.pg_available_extensions() a ON a.name = l.name
 UNION ALL
SELECT 'pg_ash', CASE WHEN h.is_whole THEN 'schema ash' END, NULL, true, coalesce(h.is_trusted, false),
       coalesce(h.may_read, false)
  FROM ash h
