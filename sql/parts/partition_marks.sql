marked AS MATERIALIZED (
  SELECT k.relowner, pg_catalog.split_part(d.description, E'\n', 1) AS mark,
         pg_catalog.format('%%I.%%I', n.nspname, k.relname) AS name
    FROM pg_catalog.pg_description d
    JOIN pg_catalog.pg_class k ON k.oid = d.objoid AND NOT k.relispartition
    JOIN pg_catalog.pg_namespace n ON n.oid = k.relnamespace
   WHERE d.classoid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objsubid = 0
     AND d.description LIKE 'pipeline-console: %%'  -- a regular expression costs more than the rest of the scan
     AND d.description ~ '^pipeline-console: (on its way|to be dropped) from '
)
