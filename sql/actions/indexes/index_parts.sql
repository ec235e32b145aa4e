-- The names of an index and of the indexes attached to it.
WITH RECURSIVE tree AS (
  SELECT c.oid, c.relname FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
   WHERE i.indrelid = %(table)s::bigint::oid AND c.relname = %(name)s::text
  UNION ALL
  SELECT c.oid, c.relname FROM tree t JOIN pg_catalog.pg_inherits h ON h.inhparent = t.oid
    JOIN pg_catalog.pg_class c ON c.oid = h.inhrelid
)
SELECT t.relname::text AS name FROM tree t
