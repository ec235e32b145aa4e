-- How many rows violate a constraint, at most 1,000; null if the table is too large to check.
-- lane: slow
--
-- Columns still to be added are included as they will be. Columns and expressions are the console's own, of plain
-- tables with expected types, so no code of other roles runs. ts_stat runs a query given as text.
WITH asked AS (
  SELECT pg_catalog.format('%%I.%%I', n.nspname, c.relname) AS name, c.reltuples,
         pg_catalog.substring(%(definition)s::text, '^(?:PRIMARY KEY|UNIQUE|FOREIGN KEY|btree) \(([^)]*)\)') AS fields,
         pg_catalog.substring(%(definition)s::text, 'REFERENCES (public\.\w+)') AS referenced,
         pg_catalog.substring(%(definition)s::text, 'REFERENCES public\.\w+\(([^)]*)\)') AS keys,
         pg_catalog.substring(%(definition)s::text, '^CHECK (.*)$') AS check,
         pg_catalog.substring(%(definition)s::text, '^btree .* WHERE (.*)$') AS part,
         (SELECT pg_catalog.string_agg(pg_catalog.format(', (%%s)::%%s AS %%I', coalesce(nullif(m.detail, ''), 'NULL'),
                                                         m.definition, m.name), '')
            FROM pg_catalog.jsonb_to_recordset(%(added)s::jsonb) m(name text, definition text, detail text)) AS added
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
   WHERE n.nspname = 'public' AND c.relname::text = %(table)s::text AND c.relkind IN ('r', 'p')
)
SELECT CASE WHEN a.reltuples < 5000000 THEN (
         SELECT s.word::bigint FROM pg_catalog.ts_stat(
           'SELECT pg_catalog.array_to_tsvector(ARRAY[pg_catalog.count(*)::text]) FROM (SELECT 1 FROM (SELECT t.*'
               || coalesce(a.added, '')
           || ' FROM ' || a.name || ' t) t ' || x.condition || ' LIMIT 1000) x') s) END AS rows
  FROM asked a
  LEFT JOIN pg_catalog.pg_class r ON r.oid = pg_catalog.to_regclass(a.referenced)
 CROSS JOIN LATERAL (SELECT CASE
         WHEN %(column)s::text <> '' THEN pg_catalog.format('WHERE t.%%I IS NULL', %(column)s::text)
         WHEN a.check IS NOT NULL THEN pg_catalog.format('WHERE NOT (%%s)', a.check)
         WHEN r.relkind IS NULL AND a.referenced IS NOT NULL
             THEN pg_catalog.format('WHERE ROW(%%s) IS NOT NULL', a.fields)
         WHEN a.referenced IS NOT NULL THEN pg_catalog.format(
           'WHERE ROW(%%s) IS NOT NULL AND NOT EXISTS (SELECT FROM %%s r WHERE ROW(%%s) = ROW(%%s))', a.fields,
           a.referenced,
           (SELECT pg_catalog.string_agg('r.' || k, ', ' ORDER BY at)
            FROM pg_catalog.unnest(pg_catalog.string_to_array(a.keys, ', ')) WITH ORDINALITY u(k, at)),
           (SELECT pg_catalog.string_agg('t.' || k, ', ' ORDER BY at)
            FROM pg_catalog.unnest(pg_catalog.string_to_array(a.fields, ', ')) WITH ORDINALITY u(k, at)))
         ELSE pg_catalog.format('WHERE ROW(%%s) IS NOT NULL AND (%%s) GROUP BY %%s HAVING pg_catalog.count(*) > 1',
                                a.fields, coalesce(a.part, 'true'), a.fields) END) x(condition)
 WHERE r.relkind IS NULL OR r.relkind IN ('r', 'p')
