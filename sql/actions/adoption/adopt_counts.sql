-- The row counts of tables: exact, or estimated for large tables and tables that must not be read.
-- lane: slow
SELECT c.relname::text AS name, x.exact,
       CASE WHEN x.exact THEN (
         SELECT s.word::bigint FROM pg_catalog.ts_stat(pg_catalog.format(
           'SELECT pg_catalog.array_to_tsvector(ARRAY[pg_catalog.count(*)::text]) FROM %%I.%%I', n.nspname,
           c.relname)) s)
            ELSE e.rows END AS rows
  FROM pg_catalog.pg_class c
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 CROSS JOIN LATERAL (  -- of a table never analyzed, only the pages are known
       SELECT coalesce(pg_catalog.sum(CASE WHEN p.reltuples > 0 THEN p.reltuples
                                           ELSE pg_catalog.pg_relation_size(p.oid) / 64.0 END), 0)::bigint AS rows
         FROM pg_catalog.pg_partition_tree(c.oid) t RIGHT JOIN pg_catalog.pg_class p ON p.oid = t.relid
        WHERE (p.oid = c.oid OR t.relid IS NOT NULL) AND p.relkind = 'r') e
 CROSS JOIN LATERAL (SELECT e.rows < 300000 AND c.relname::text <> ALL (%(unread)s::text[]) AS exact) x
 WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p') AND c.relname::text = ANY (%(names)s::text[])
 ORDER BY 1
