-- Statements for missing storage settings, grants and the materialized view of the pipeline schema.
WITH entry AS MATERIALIZED (
  SELECT e.* FROM ROWS FROM (pg_catalog.jsonb_to_recordset(%(entries)s::jsonb) AS (
           problem text, kind text, relation text, name text, definition text, detail text, required boolean,
           recorded boolean)) WITH ORDINALITY
         e(problem, kind, relation, name, definition, detail, required, recorded, at)
)
SELECT pg_catalog.format('ALTER TABLE public.%%I SET (%%s)', e.relation, e.detail) AS sql,
       pg_catalog.format('SHARE UPDATE EXCLUSIVE on public.%%I', e.relation) AS lock,
       pg_catalog.format('public.%%I', e.relation) AS "on",
       'settings of ' || e.relation AS "group",
       pg_catalog.format('ALTER TABLE public.%%I RESET (%%s)', e.relation,
                         (SELECT pg_catalog.string_agg(pg_catalog.split_part(o, '=', 1), ', ')
         FROM pg_catalog.unnest(pg_catalog.string_to_array(e.detail, ', ')) o)) AS undo,
       'applies to pages written from now on' AS note, true AS transaction, 1 AS rank, e.at
  FROM entry e WHERE e.problem = 'missing settings'
UNION ALL
SELECT pg_catalog.format('GRANT %%s ON public.%%I TO %%I', e.definition, e.relation, e.name), 'none', NULL,
       'grant on ' || e.relation,
       pg_catalog.format('REVOKE %%s ON public.%%I FROM %%I', e.definition, e.relation, e.name),
       'lets members of pg_monitor read it', true, 2, e.at
  FROM entry e WHERE e.problem = 'missing grant'
UNION ALL
SELECT pg_catalog.concat_ws(E';\n',
         pg_catalog.format(E'CREATE MATERIALIZED VIEW public.%%I AS\n%%s\nWITH NO DATA', e.relation,
                           pg_catalog.rtrim(e.detail, ';')),
         (SELECT pg_catalog.string_agg(CASE
            WHEN i.kind = 'index' THEN pg_catalog.format('CREATE %%sINDEX %%I ON public.%%I USING %%s', CASE
                                                         WHEN i.required THEN 'UNIQUE ' END,
                                                         i.name, i.relation, i.definition)
            WHEN i.name <> '' THEN pg_catalog.format('COMMENT ON COLUMN public.%%I.%%I IS %%L', i.relation, i.name,
                                                     i.definition)
            ELSE pg_catalog.format('COMMENT ON MATERIALIZED VIEW public.%%I IS %%L', i.relation, i.definition) END,
            E';\n' ORDER BY i.kind DESC, i.at)
            FROM entry i WHERE i.relation = e.relation AND i.kind IN ('index', 'comment')),
         CASE WHEN %(owner)s::text <> CURRENT_USER
             THEN pg_catalog.format('ALTER MATERIALIZED VIEW public.%%I OWNER TO %%I', e.relation, %(owner)s::text)
                 END),
       'new objects only', NULL, 'view ' || e.relation,
       pg_catalog.format('DROP MATERIALIZED VIEW public.%%I', e.relation),
       'empty, so its indexes are built immediately', true, 3, e.at
  FROM entry e WHERE e.problem = 'missing materialized view'
UNION ALL
SELECT pg_catalog.format('REFRESH MATERIALIZED VIEW public.%%I', e.relation),
       pg_catalog.format('ACCESS EXCLUSIVE on public.%%I', e.relation),
       NULL, 'first rows of ' || e.relation, NULL, 'first refresh; the view was not readable before', true, 4, e.at
  FROM entry e WHERE e.problem = 'missing materialized view'
UNION ALL
SELECT pg_catalog.format('INSERT INTO public.console_refreshes (schema_name, view_name, started_at, finished_at, '
                         'seconds, row_count, is_concurrent) '
         'SELECT ''public'', %%L, pg_catalog.now(), pg_catalog.clock_timestamp(), '
         'pg_catalog.date_part(''epoch'', pg_catalog.clock_timestamp() - pg_catalog.now()), pg_catalog.count(*), false '
         'FROM public.%%I',
         e.relation, e.relation),
       'ROW EXCLUSIVE on public.console_refreshes', NULL, 'first rows of ' || e.relation, NULL,
       'records when the view was refreshed', true, 5, e.at
  FROM entry e WHERE e.problem = 'missing materialized view' AND e.recorded
 ORDER BY rank, at
