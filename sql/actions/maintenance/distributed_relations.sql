-- Which of some tables and indexes belong to tables of Citus; names with or without schema, quoted or not.
-- extension: citus
SELECT pg_catalog.format('%%I.%%I', n.nspname, t.relname) AS name,
       CASE WHEN d.partmethod IN ('h', 'a', 'r') THEN 'distributed by ' || coalesce(
              pg_catalog.column_to_column_name(d.logicalrelid, d.partkey), 'Citus')
            WHEN d.repmodel = 't' THEN 'a reference table' ELSE 'a table of Citus' END AS kind
  FROM pg_catalog.pg_class c
  LEFT JOIN pg_catalog.pg_index i ON i.indexrelid = c.oid
  JOIN pg_catalog.pg_class t ON t.oid = coalesce(i.indrelid, c.oid)
  JOIN pg_catalog.pg_namespace n ON n.oid = t.relnamespace
  JOIN pg_catalog.pg_dist_partition d ON d.logicalrelid = t.oid
 WHERE pg_catalog.format('%%I.%%I', n.nspname, c.relname) = ANY (%(names)s::text[])
    OR n.nspname || '.' || c.relname = ANY (%(names)s::text[])
    OR c.relname::text = ANY (%(names)s::text[])
    OR pg_catalog.quote_ident(c.relname) = ANY (%(names)s::text[])
 ORDER BY 1
 LIMIT 1
