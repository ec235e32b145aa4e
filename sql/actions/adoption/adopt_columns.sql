-- Statements that add missing columns and defaults to existing tables, without a table rewrite.
--
-- Volatile defaults (keys, sequences) are never added here: the default must be constant for all existing rows, as
-- now() is.
WITH entry AS MATERIALIZED (
  SELECT e.* FROM ROWS FROM (pg_catalog.jsonb_to_recordset(%(entries)s::jsonb) AS (
           problem text, relation text, name text, definition text, detail text, required boolean,
           comment text)) WITH ORDINALITY
         e(problem, relation, name, definition, detail, required, comment, at)
)
SELECT pg_catalog.format(E'SET LOCAL lock_timeout = ''%%sms'';\nALTER TABLE public.%%I ', %(patience)s::integer,
                         e.relation) || pg_catalog.string_agg(pg_catalog.format('ADD COLUMN %%I %%s%%s%%s',
         e.name, e.definition, ' DEFAULT ' || nullif(e.detail, ''), CASE WHEN e.required THEN ' NOT NULL' END),
         ', ' ORDER BY e.at)
       || coalesce(pg_catalog.string_agg(pg_catalog.format(E';\nCOMMENT ON COLUMN public.%%I.%%I IS %%L', e.relation,
                                                           e.name, e.comment), ''
            ORDER BY e.at) FILTER (WHERE e.comment <> ''), '') AS sql,
       pg_catalog.format('ACCESS EXCLUSIVE on public.%%I', e.relation) AS lock,
       pg_catalog.format('public.%%I', e.relation) AS "on",
       'columns of ' || e.relation AS "group", NULL AS undo,
       'nullable, or with a constant default: no table rewrite' AS note,
       pg_catalog.format('sessions using public.%%I', e.relation) AS holds_up,
       e.relation, 1 AS ordinal
  FROM entry e WHERE e.problem = 'missing column'
 GROUP BY e.relation
UNION ALL
SELECT pg_catalog.format(E'SET LOCAL lock_timeout = ''%%sms'';\n'
         'ALTER TABLE public.%%I ALTER COLUMN %%I SET DEFAULT %%s',
         %(patience)s::integer, e.relation, e.name,
         CASE WHEN e.detail = 'gen_random_uuid()'
             AND pg_catalog.current_setting('server_version_num')::integer >= 180000
              THEN 'uuidv7()' ELSE e.detail END),
       pg_catalog.format('ACCESS EXCLUSIVE on public.%%I', e.relation), pg_catalog.format('public.%%I', e.relation),
       'default of ' || e.relation || '.' || e.name,
       pg_catalog.format('ALTER TABLE public.%%I ALTER COLUMN %%I DROP DEFAULT', e.relation, e.name),
       'applies to new rows; existing rows are unchanged',
       pg_catalog.format('sessions using public.%%I', e.relation), e.relation, 2
  FROM entry e WHERE e.problem = 'missing default'
 ORDER BY relation, ordinal
