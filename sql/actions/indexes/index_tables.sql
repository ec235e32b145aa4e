-- The tables that an index pack names, with their column types.
SELECT w.name AS wanted, c.oid::bigint AS oid, pg_catalog.format('%%I.%%I', n.nspname, c.relname) AS name,
       c.relkind::text AS kind,
       (SELECT pg_catalog.jsonb_object_agg(a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod))
        FROM pg_catalog.pg_attribute a
         WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped) AS types
  FROM pg_catalog.unnest(%(names)s::text[]) w(name)
  JOIN pg_catalog.pg_class c ON c.relkind IN ('r', 'p', 'm')
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
   AND (n.nspname || '.' || c.relname = w.name OR pg_catalog.format('%%I.%%I', n.nspname, c.relname) = w.name)
