-- Relations that a text may mean: by name, alone or with its schema, quoted or as it is shown.
SELECT c.oid::bigint AS oid, n.nspname::text AS schema, pg_catalog.format('%%I.%%I', n.nspname, c.relname) AS name, c.relkind::text AS kind
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind::text = ANY (%(kinds)s::text[])
   AND %(name)s::text IN (c.relname::text, pg_catalog.quote_ident(c.relname), n.nspname || '.' || c.relname,
                          pg_catalog.format('%%I.%%I', n.nspname, c.relname))
 ORDER BY 3
 LIMIT 10
