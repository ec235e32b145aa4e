-- The tables that the foreign keys of a table refer to.
SELECT DISTINCT pg_catalog.format('%%I.%%I', n.nspname, f.relname) AS name
  FROM pg_catalog.pg_constraint x
  JOIN pg_catalog.pg_class f ON f.oid = x.confrelid
  JOIN pg_catalog.pg_namespace n ON n.oid = f.relnamespace
 WHERE x.conrelid = %(target)s::bigint::oid AND x.contype = 'f'
   AND NOT EXISTS (SELECT FROM pg_catalog.pg_constraint u WHERE u.oid = x.conparentid AND u.conrelid = x.conrelid)
 ORDER BY 1
