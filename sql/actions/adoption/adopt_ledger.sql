-- The statement that records all migrations in the ledger of a database that already has their objects.
SELECT pg_catalog.format(E'INSERT INTO public.schema_migrations (version, name, checksum, seconds)\nVALUES %%s',
         pg_catalog.string_agg(pg_catalog.format('(%%s, %%L, %%L, 0)', m.version, m.name, m.checksum), E',\n       '
                               ORDER BY m.version)) AS sql,
       'ROW EXCLUSIVE on public.schema_migrations' AS lock, 'public.schema_migrations' AS "on", 'ledger' AS "group",
       'DELETE FROM public.schema_migrations' AS undo,
       'the schema matches the migrations, so they are recorded as applied' AS note
  FROM pg_catalog.jsonb_to_recordset(%(entries)s::jsonb) m(version integer, name text, checksum text)
