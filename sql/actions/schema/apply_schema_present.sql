-- Which of the relations that a migration names exist, so that its statements may wait for locks on them.
SELECT pg_catalog.format('%%I.%%I', n.nspname, c.relname) AS name
  FROM pg_catalog.unnest(%(names)s::text[]) w(name)
  JOIN pg_catalog.pg_namespace n ON n.nspname = pg_catalog.split_part(w.name, '.', 1)
  JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = pg_catalog.split_part(w.name, '.', 2)
 WHERE c.relkind IN ('r', 'p', 'm')
 ORDER BY 1
