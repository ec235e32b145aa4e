-- The indexes of tables and all their partitions, with the part after the table name of their definitions.
-- lane: slow
WITH RECURSIVE tree AS (
  SELECT t.oid::oid AS root, t.oid::oid AS oid FROM pg_catalog.unnest(%(oid)s::bigint[]) t(oid)
  UNION
  SELECT t.root, h.inhrelid FROM tree t JOIN pg_catalog.pg_inherits h ON h.inhparent = t.oid
    JOIN pg_catalog.pg_class c ON c.oid = h.inhrelid AND c.relispartition
)
SELECT t.root::bigint AS root, t.oid::bigint AS "table", i.indexrelid::bigint AS oid, c.relname::text AS name,
       pg_catalog.format('%%I.%%I', n.nspname, r.relname) AS qualified,
       i.indisunique AS is_unique,
       pg_catalog.substr(pg_catalog.pg_get_indexdef(i.indexrelid), 1 + pg_catalog.length(pg_catalog.format(
         'CREATE %%sINDEX %%I ON %%s%%I.%%I ', CASE WHEN i.indisunique THEN 'UNIQUE ' END, c.relname,
         CASE WHEN c.relkind = 'I' THEN 'ONLY ' END, n.nspname, r.relname))) AS definition
  FROM tree t
  JOIN pg_catalog.pg_index i ON i.indrelid = t.oid AND i.indislive
  JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
  JOIN pg_catalog.pg_class r ON r.oid = t.oid
  JOIN pg_catalog.pg_namespace n ON n.oid = r.relnamespace
