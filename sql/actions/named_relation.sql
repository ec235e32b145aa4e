-- Relations that a name may mean, best match first: 1 as SQL writes it, 2 schema.name without quotes, 3 without schema.
SELECT c.oid::bigint AS oid, pg_catalog.format('%%I.%%I', n.nspname, c.relname) AS name, c.relkind::text AS kind, r.rank
  FROM pg_catalog.pg_class c
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 CROSS JOIN LATERAL (SELECT CASE WHEN pg_catalog.format('%%I.%%I', n.nspname, c.relname) = %(name)s::text THEN 1
                                 WHEN n.nspname || '.' || c.relname = %(name)s::text THEN 2
                                 WHEN %(name)s::text IN (c.relname::text, pg_catalog.quote_ident(c.relname)) THEN 3
                                     END AS rank) r
 WHERE c.relkind::text = ANY (%(kinds)s::text[]) AND r.rank IS NOT NULL
   AND (%(system)s OR c.relpersistence <> 't' AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast'))
 ORDER BY r.rank, 2
 LIMIT 10
