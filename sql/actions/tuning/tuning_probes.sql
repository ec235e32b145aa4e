-- Statements that try to load libraries.
SELECT n.name, pg_catalog.format('LOAD %%L', n.name) AS sql
  FROM pg_catalog.unnest(%(names)s::text[]) AS n(name)
