-- Who owns these relations, and whether a change of theirs can be confined to the rights of that role.
--
-- A function in pg_temp is given to the role for that, which takes the right to SET ROLE to it, and TEMPORARY on the
-- database for both, unless the session is a superuser's.
SELECT c.oid::bigint AS oid, pg_catalog.format('%%I.%%I', n.nspname, c.relname) AS relation,
       o.rolname::text AS owner, o.rolsuper AS superuser,
       o.rolname = CURRENT_USER AND SESSION_USER = CURRENT_USER AS own,
       me.rolsuper
       OR pg_catalog.pg_has_role(o.oid, 'MEMBER')                                                       -- before 16
       OR pg_catalog.pg_has_role(o.oid, 'SET')                                                          -- since 16
      AND pg_catalog.has_database_privilege(pg_catalog.current_database(), 'TEMPORARY')
      AND pg_catalog.has_database_privilege(o.oid, pg_catalog.current_database(), 'TEMPORARY') AS confinable
  FROM pg_catalog.pg_class c
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_catalog.pg_roles o ON o.oid = c.relowner
  JOIN pg_catalog.pg_roles me ON me.rolname = CURRENT_USER
 WHERE c.oid = ANY (%(oids)s::bigint[]::oid[])
