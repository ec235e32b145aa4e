-- Statements that validate the foreign keys referencing a partitioned table that are not yet validated.
SELECT pg_catalog.format('ALTER TABLE %%I.%%I VALIDATE CONSTRAINT %%I', n.nspname, c.relname, k.conname) AS sql,
       pg_catalog.format('SHARE UPDATE EXCLUSIVE on %%1$I.%%2$I, ROW SHARE on the referenced table', n.nspname,
                         c.relname)
           AS lock,
       pg_catalog.format('%%I.%%I', n.nspname, c.relname) AS "on", false AS transaction, 3::float8 AS lock_timeout,
       'validates the foreign key without blocking reads or writes' AS note
  FROM pg_catalog.pg_constraint k JOIN pg_catalog.pg_class c ON c.oid = k.conrelid AND c.relkind = 'r'
    AND NOT c.relispartition
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE k.confrelid = %(oid)s::bigint::oid AND k.contype = 'f' AND k.conparentid = 0 AND NOT k.convalidated
   AND pg_catalog.pg_has_role(c.relowner, 'USAGE')
 ORDER BY k.oid
