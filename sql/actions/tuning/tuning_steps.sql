-- Statements that write settings, reload them, and prove that new connections work before and after.
WITH wanted AS (
  SELECT w.place, w.body ->> 'name' AS name, w.body ->> 'note' AS note,
         (w.body ->> 'written')::boolean AS written,
         (SELECT pg_catalog.string_agg(pg_catalog.quote_ident(p.part), '.' ORDER BY p.place)
            FROM pg_catalog.string_to_table(w.body ->> 'name', '.') WITH ORDINALITY AS p(part, place)) AS quoted,
         (SELECT pg_catalog.string_agg(pg_catalog.quote_literal(v.item), ', ' ORDER BY v.place)
            FROM pg_catalog.jsonb_array_elements_text(w.body -> 'values') WITH ORDINALITY AS v(item, place)) AS list,
         (SELECT pg_catalog.string_agg(pg_catalog.quote_literal(v.item), ', ' ORDER BY v.place)
            FROM pg_catalog.jsonb_array_elements_text(nullif(w.body -> 'former', 'null'::jsonb)) WITH ORDINALITY
                AS v(item, place)) AS former
    FROM pg_catalog.jsonb_array_elements(%(settings)s::jsonb) WITH ORDINALITY AS w(body, place)
)
SELECT s.sql, s.undo, s.note, s.canary, s.expect, s.settle, false AS transaction,
       'none' AS lock
  FROM (
  SELECT 0 AS place,
         $$SELECT pg_catalog.set_config('pipeline_console.began', pg_catalog.clock_timestamp()::text, false)$$ AS sql,
         'SELECT pg_catalog.pg_reload_conf()' AS undo,
         'proves that new connections work before any change' AS note,
         true AS canary, NULL AS expect, 0::float8 AS settle
  UNION ALL
  SELECT w.place, 'ALTER SYSTEM SET ' || w.quoted || ' = ' || w.list,
         CASE WHEN w.former IS NULL THEN 'ALTER SYSTEM RESET ' || w.quoted
              ELSE 'ALTER SYSTEM SET ' || w.quoted || ' = ' || w.former END,
         w.note, false, NULL, 0::float8
    FROM wanted w WHERE w.written
  UNION ALL
  SELECT 1000000, 'SELECT pg_catalog.pg_reload_conf()', NULL,
         'proves that new connections work; if not, everything is undone at once', true,
         $$SELECT pg_catalog.pg_conf_load_time() > pg_catalog.current_setting('pipeline_console.began')::timestamptz$$,
         5::float8) s
 ORDER BY s.place
