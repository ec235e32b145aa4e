-- A counter that rises when a privilege may have been granted: roles, members, owners and access lists were changed.
SELECT pg_catalog.sum(pg_catalog.pg_stat_get_tuples_inserted(k.oid) + pg_catalog.pg_stat_get_tuples_updated(k.oid)
                      + pg_catalog.pg_stat_get_tuples_deleted(k.oid))::bigint AS changed
  FROM (VALUES ('pg_catalog.pg_authid'::regclass), ('pg_catalog.pg_auth_members'), ('pg_catalog.pg_database'),
               ('pg_catalog.pg_class'), ('pg_catalog.pg_attribute'), ('pg_catalog.pg_proc'),
               ('pg_catalog.pg_namespace')) k (oid)
