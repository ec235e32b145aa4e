-- The partition that a table has become, with its estimated rows.
SELECT pg_catalog.format('%%I.%%I', n.nspname, c.relname) AS name, greatest(c.reltuples, 0)::bigint AS rows
  FROM pg_catalog.pg_inherits h JOIN pg_catalog.pg_class c ON c.oid = h.inhrelid
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE h.inhparent = %(oid)s::bigint::oid AND h.inhrelid = %(old)s::bigint::oid
