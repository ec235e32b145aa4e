-- What the documents say of the pipeline database: tables with their keys and partitions, functions, the ledger's names.
WITH relations AS (
  SELECT c.oid, c.relname::text AS name, c.relkind, c.relispartition,
         pg_catalog.obj_description(c.oid, 'pg_class') AS means,
         (SELECT pg_catalog.string_agg(a.attname::text, ', ' ORDER BY k.at)
            FROM pg_catalog.pg_index i
           CROSS JOIN LATERAL pg_catalog.unnest(i.indkey::smallint[]) WITH ORDINALITY k(attnum, at)
            JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.attnum
           WHERE i.indrelid = c.oid AND (i.indisprimary OR c.relkind = 'm' AND i.indisunique)) AS key,
         (SELECT pg_catalog.format_type(a.atttypid, NULL) || CASE WHEN a.attidentity <> '' THEN ' identity' ELSE '' END
            FROM pg_catalog.pg_attribute a
           WHERE a.attrelid = c.oid AND a.attname IN ('id', 'version')
           ORDER BY a.attname LIMIT 1) AS key_type,
         pg_catalog.pg_get_partkeydef(c.oid) AS partitioned
    FROM pg_catalog.pg_class c
   WHERE c.relnamespace = 'public'::pg_catalog.regnamespace AND c.relkind IN ('r', 'p', 'm') AND NOT c.relispartition
)
SELECT 'table' AS kind, name, key, key_type, partitioned, means FROM relations WHERE relkind <> 'm'
 UNION ALL
SELECT 'view', name, key, NULL, NULL, means FROM relations WHERE relkind = 'm'
 UNION ALL
SELECT 'function', p.oid::pg_catalog.regprocedure::text, NULL, NULL, NULL, pg_catalog.obj_description(p.oid, 'pg_proc')
  FROM pg_catalog.pg_proc p
 WHERE p.pronamespace = 'public'::pg_catalog.regnamespace AND pg_catalog.obj_description(p.oid, 'pg_proc') IS NOT NULL
   AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')
 UNION ALL
SELECT 'column', c.relname || '.' || a.attname, NULL, NULL, NULL, pg_catalog.col_description(c.oid, a.attnum)
  FROM pg_catalog.pg_class c
  JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND a.attname <> 'id'
 WHERE c.relnamespace = 'public'::pg_catalog.regnamespace AND c.relkind IN ('r', 'p', 'm') AND NOT c.relispartition
   AND pg_catalog.col_description(c.oid, a.attnum) IS NOT NULL
 ORDER BY 1, 2
