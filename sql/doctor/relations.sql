-- Relations named in the configuration: whether they exist, their owner, whether this role has the owner's privileges.
SELECT w.name, c.oid IS NOT NULL AS found, pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(c.relowner)) AS owner,
       coalesce(pg_catalog.pg_has_role(c.relowner, 'USAGE'), false) AS owned
  FROM pg_catalog.unnest(%(names)s::text[]) AS w(name)
  LEFT JOIN (pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace)
    ON c.relkind IN ('r', 'p', 'm')
   AND w.name IN (n.nspname || '.' || c.relname, pg_catalog.format('%%I.%%I', n.nspname, c.relname))
 ORDER BY w.name
