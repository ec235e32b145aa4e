-- Whether a statement took effect, by the query that its step provides as text.
SELECT t.word = 'true' AS there
  FROM pg_catalog.ts_stat(pg_catalog.format(
         'SELECT pg_catalog.array_to_tsvector(ARRAY[coalesce(e.there, false)::text]) FROM (%%s) e(there)',
         %(expect)s::text)) t
