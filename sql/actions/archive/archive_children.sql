-- The tables whose foreign keys refer to a table or to one of its partitions.
SELECT DISTINCT pg_catalog.format('%%I.%%I', n.nspname, f.relname) AS name
  FROM pg_catalog.pg_constraint x
  JOIN pg_catalog.pg_class f ON f.oid = x.conrelid
  JOIN pg_catalog.pg_namespace n ON n.oid = f.relnamespace
 WHERE x.contype = 'f' AND x.confrelid = ANY (%(origin)s::bigint::oid || %(oids)s::bigint[]::oid[])
   AND NOT EXISTS (SELECT FROM pg_catalog.pg_constraint u WHERE u.oid = x.conparentid)
 ORDER BY 1
