-- Counters that rise when relations, other definitions, extensions, roles or the configuration are changed.
-- They cost far less than a look at the catalogs themselves, and say when that is worth its cost.
SELECT pg_catalog.sum(n.changed) FILTER (WHERE c.kind = 'relations')::bigint AS relations,
       pg_catalog.sum(n.changed) FILTER (WHERE c.kind = 'definitions')::bigint AS definitions,
       pg_catalog.sum(n.changed) FILTER (WHERE c.kind = 'extensions')::bigint AS extensions,
       pg_catalog.sum(n.changed) FILTER (WHERE c.kind = 'roles')::bigint AS roles,
       pg_catalog.pg_conf_load_time()::text AS settings
  FROM (VALUES ('pg_catalog.pg_class'::regclass, 'relations'), ('pg_catalog.pg_index', 'relations'),
               ('pg_catalog.pg_inherits', 'relations'), ('pg_catalog.pg_attribute', 'relations'),
               ('pg_catalog.pg_constraint', 'relations'), ('pg_catalog.pg_attrdef', 'definitions'),
               ('pg_catalog.pg_proc', 'definitions'), ('pg_catalog.pg_trigger', 'definitions'),
               ('pg_catalog.pg_type', 'definitions'), ('pg_catalog.pg_extension', 'extensions'),
               ('pg_catalog.pg_authid', 'roles')) c (oid, kind)
 CROSS JOIN LATERAL (SELECT pg_catalog.pg_stat_get_tuples_inserted(c.oid) + pg_catalog.pg_stat_get_tuples_updated(c.oid)
                            + pg_catalog.pg_stat_get_tuples_deleted(c.oid) AS changed) n
