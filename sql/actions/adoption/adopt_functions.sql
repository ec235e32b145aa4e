-- Statements that create missing functions of the pipeline.
WITH entry AS (
  SELECT e.* FROM pg_catalog.jsonb_to_recordset(%(entries)s::jsonb) e(name text, definition text, detail text)
)
SELECT pg_catalog.concat_ws(E';\n',
         pg_catalog.regexp_replace(pg_catalog.rtrim(e.definition, E'\n'), '^CREATE OR REPLACE', 'CREATE'),
         CASE WHEN e.detail <> '' THEN pg_catalog.format('COMMENT ON FUNCTION public.%%s IS %%L', e.name, e.detail) END,
         CASE WHEN %(owner)s::text <> CURRENT_USER
             THEN pg_catalog.format('ALTER FUNCTION public.%%s OWNER TO %%I', e.name, %(owner)s::text) END) AS sql,
       'new objects only' AS lock, 'function ' || e.name AS "group", 'DROP FUNCTION public.' || e.name AS undo,
       'creates partitions ahead of time' AS note
  FROM entry e
 ORDER BY e.name
