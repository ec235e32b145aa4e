-- When some materialized views were last refreshed, from the record in the console's own schema.
-- lane: slow
-- grant: SELECT ON public.console_refreshes
-- TABLESAMPLE of all rows, because it refuses a view, whose code would run with the rights of whoever looks.
WITH record AS MATERIALIZED (
  SELECT * FROM public.console_refreshes c TABLESAMPLE pg_catalog.system (100) WHERE c.finished_at IS NOT NULL
)
SELECT w.logged_schema, w.logged_view,
       pg_catalog.date_part('epoch', pg_catalog.now() - g.started_at) AS data_age, g.seconds AS refresh_seconds,
       g.is_concurrent AS was_concurrent, g.refreshed_by,
       f.error AS refresh_error
  FROM ROWS FROM (pg_catalog.unnest(%(logged_schema)s::text[]), pg_catalog.unnest(%(logged_view)s::text[]))
       w(logged_schema, logged_view)
  LEFT JOIN LATERAL (
       SELECT r.started_at, r.seconds, r.is_concurrent, r.refreshed_by
         FROM record r
        WHERE r.schema_name = w.logged_schema::name AND r.view_name = w.logged_view::name
          AND r.error IS NULL
        ORDER BY r.finished_at DESC LIMIT 1) g ON true
  LEFT JOIN LATERAL (
       SELECT r.error
         FROM record r
        WHERE r.schema_name = w.logged_schema::name AND r.view_name = w.logged_view::name
        ORDER BY r.finished_at DESC LIMIT 1) f ON true
