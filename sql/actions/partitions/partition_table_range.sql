-- The range of the key in a table, whether it has nulls, and the current time of the server.
-- lane: slow
--
-- ts_stat runs a query given as text: the name of the table is only known here.
SELECT nullif(pg_catalog.max(pg_catalog.substr(f.word, 3)) FILTER (WHERE f.word LIKE 'a:%%'), '') AS first,
       nullif(pg_catalog.max(pg_catalog.substr(f.word, 3)) FILTER (WHERE f.word LIKE 'z:%%'), '') AS last,
       coalesce(pg_catalog.bool_or(f.word = 'n:true'), false) AS nulls,
       pg_catalog.to_char(pg_catalog.now() AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS') AS now
  FROM pg_catalog.ts_stat(pg_catalog.format(
         'SELECT pg_catalog.array_to_tsvector(ARRAY[''a:'' || coalesce(pg_catalog.min(%%1$I)::text, ''''), ''z:'' || '
         'coalesce(pg_catalog.max(%%1$I)::text, ''''), '
         '''n:'' || (%%3$L AND EXISTS (SELECT FROM ONLY %%2$s WHERE %%1$I IS NULL))::text]) FROM ONLY %%2$s',
         %(key)s::text, %(name)s::text, NOT %(has_no_null)s)) f
