-- Whether a table has rows of a span of time, and from when to when an archive has any.
-- lane: slow
WITH side AS MATERIALIZED (
  SELECT c.oid, pg_catalog.format('%%I.%%I', n.nspname, c.relname) AS name
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
   WHERE c.oid IN (%(origin)s::bigint::oid, %(target)s::bigint::oid)
)
SELECT EXISTS (  -- ts_stat runs a query that is given as text
         SELECT FROM pg_catalog.ts_stat(pg_catalog.format(
           'SELECT pg_catalog.array_to_tsvector(ARRAY[''row''::text]) FROM %%s WHERE %%I >= %%L AND %%I < %%L LIMIT 1',
           t.name, %(key)s::text, %(lower)s::text, %(key)s::text, %(upper)s::text))) AS present,
       (SELECT pg_catalog.max(w.word) FROM pg_catalog.ts_stat(pg_catalog.format(
          'SELECT pg_catalog.array_to_tsvector(ARRAY[pg_catalog.concat(pg_catalog.to_char(pg_catalog.min(%%I)'
          '::timestamp, ''YYYY-MM''), '' to '', pg_catalog.to_char(pg_catalog.max(%%I)::timestamp, ''YYYY-MM''))]) '
          'FROM %%s HAVING pg_catalog.count(*) > 0', %(key)s::text, %(key)s::text, o.name)) w) AS months
  FROM side o JOIN side t ON t.oid = %(target)s::bigint::oid
 WHERE o.oid = %(origin)s::bigint::oid
