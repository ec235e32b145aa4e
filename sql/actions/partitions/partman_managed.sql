-- Which of some tables pg_partman manages: those of part_config in its schema. No row: it is not installed here.
-- `readable` is false where this role cannot read part_config, or must not: as a superuser, if another role owns it.
-- ts_stat runs a query given as text, because the schema is only known here.
WITH config AS MATERIALIZED (
  SELECT pg_catalog.format('%%I.%%I', n.nspname, k.relname) AS name, pg_catalog.format('%%I', n.nspname) AS schema,
         pg_catalog.has_schema_privilege(n.oid, 'USAGE') AND pg_catalog.has_table_privilege(k.oid, 'SELECT')
         AND (o.rolsuper OR NOT u.rolsuper) AS readable
    FROM pg_catalog.pg_extension e
    JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace
    JOIN pg_catalog.pg_class k ON k.relnamespace = n.oid AND k.relname = 'part_config' AND k.relkind = 'r'
    JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = k.oid
         AND d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass AND d.refobjid = e.oid AND d.deptype = 'e'
    JOIN pg_catalog.pg_roles o ON o.oid = k.relowner
    JOIN pg_catalog.pg_roles u ON u.rolname = CURRENT_USER
   WHERE e.extname = 'pg_partman'
)
SELECT c.oid::bigint AS oid, f.schema, f.readable, m.word IS NOT NULL AS managed
  FROM config f
 CROSS JOIN pg_catalog.pg_class c
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  LEFT JOIN LATERAL pg_catalog.ts_stat(
         CASE WHEN f.readable
              THEN pg_catalog.format('SELECT pg_catalog.array_to_tsvector(ARRAY[''managed'']) FROM %%s p '
                                     'WHERE p.parent_table = %%L', f.name, n.nspname || '.' || c.relname)
              ELSE 'SELECT ''''::pg_catalog.tsvector' END) m ON true
 WHERE c.oid = ANY (%(oids)s::bigint[]::oid[])
