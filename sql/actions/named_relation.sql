-- The relation that a name means: as SQL writes it, as it is shown (schema.name), else its bare name.
WITH named AS MATERIALIZED (
  SELECT c.oid::bigint AS oid, pg_catalog.format('%%I.%%I', n.nspname, c.relname) AS name, c.relkind::text AS kind,
         CASE WHEN pg_catalog.format('%%I.%%I', n.nspname, c.relname) = %(name)s THEN 1
              WHEN n.nspname || '.' || c.relname = %(name)s THEN 2
              ELSE 3 END AS rank
    FROM pg_catalog.pg_class c
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
   WHERE c.relkind IN ('r', 'p', 'm', 'v', 'f') AND c.relpersistence <> 't'
     AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
     AND (pg_catalog.format('%%I.%%I', n.nspname, c.relname) = %(name)s OR n.nspname || '.' || c.relname = %(name)s
          OR c.relname = %(name)s OR pg_catalog.quote_ident(c.relname) = %(name)s)
)
SELECT oid, name, kind FROM named WHERE rank = (SELECT pg_catalog.min(rank) FROM named) ORDER BY name
