-- The tables whose foreign keys refer to a table.
SELECT DISTINCT pg_catalog.format('%%I.%%I', n.nspname, f.relname) AS name
  FROM pg_catalog.pg_constraint x
  JOIN pg_catalog.pg_class f ON f.oid = x.conrelid
  JOIN pg_catalog.pg_namespace n ON n.oid = f.relnamespace
 WHERE x.confrelid = %(origin)s::bigint::oid AND x.contype = 'f'
   AND NOT EXISTS (SELECT FROM pg_catalog.pg_constraint u WHERE u.oid = x.conparentid AND u.confrelid = x.confrelid)
 ORDER BY 1
