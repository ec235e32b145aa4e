-- An invalid index that an interrupted undo left behind: it has the definition that the statement builds online.
-- lane: slow
SELECT pg_catalog.format('%%I.%%I', n.nspname, c.relname) AS name,
       pg_catalog.format('%%I.%%I', m.nspname, t.relname) AS "on"
  FROM pg_catalog.pg_index i
  JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_catalog.pg_class t ON t.oid = i.indrelid JOIN pg_catalog.pg_namespace m ON m.oid = t.relnamespace
 WHERE NOT i.indisvalid
   AND pg_catalog.regexp_replace(pg_catalog.pg_get_indexdef(i.indexrelid), '^CREATE (UNIQUE )?INDEX ',
                                 'CREATE \1INDEX CONCURRENTLY ')
       = pg_catalog.regexp_replace(%(statement)s::text, ' TABLESPACE ("([^"]|"")+"|\w+)', '')
