-- Which relations of the pipeline schema there are, by name; one row. Looks up the names alone, however many tables
-- the database has.
SELECT ARRAY(SELECT c.relname::text
               FROM pg_catalog.unnest(%(names)s::text[]) w(name)
               JOIN pg_catalog.pg_class c ON c.relname = w.name::name AND c.relkind IN ('r', 'p', 'm', 'v', 'f')
               JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace AND n.nspname = 'public') AS relations
