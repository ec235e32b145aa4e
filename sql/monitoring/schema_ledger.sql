-- The ledger of migrations that were applied to this database, as one row of lists.
-- lane: slow
-- grant: SELECT ON public.schema_migrations
-- TABLESAMPLE of all rows, because it refuses a view, whose code would run with the rights of whoever looks.
SELECT w.ledger, l.versions, l.names, l.checksums, l.applied_by, l.applied_at, l.seconds
  FROM pg_catalog.unnest(%(ledger)s::bigint[]) w(ledger)
 CROSS JOIN LATERAL (
       SELECT pg_catalog.array_agg(m.version ORDER BY m.version) AS versions,
              pg_catalog.array_agg(m.name ORDER BY m.version) AS names,
              pg_catalog.array_agg(m.checksum ORDER BY m.version) AS checksums,
              pg_catalog.array_agg(m.applied_by ORDER BY m.version) AS applied_by,
              pg_catalog.array_agg(m.applied_at ORDER BY m.version) AS applied_at,
              pg_catalog.array_agg(m.seconds ORDER BY m.version) AS seconds
         FROM public.schema_migrations m TABLESAMPLE pg_catalog.system (100)) l
