-- Indexes of tables and partitioned tables, without those of partitions, in the order of their creation: at most 2,000.
-- lane: slow
--
-- `keys` is equal for two indexes with the same columns, expressions and predicate; create-index takes `columns`. Only
-- an index of a partition can be part of another one. The rest is looked up for those that are returned.
WITH chosen AS MATERIALIZED (
  SELECT i.indexrelid, i.indrelid, i.indnatts, i.indnkeyatts, i.indisunique, i.indkey, i.indexprs, i.indpred,
         c.relname, c.relnamespace
    FROM pg_catalog.pg_index i
    JOIN pg_catalog.pg_class c ON c.oid = i.indrelid AND NOT c.relispartition AND c.relpersistence <> 't'
   WHERE i.indexrelid >= 16384 AND i.indislive AND c.relkind IN ('r', 'p', 'm')
   ORDER BY i.indexrelid
   LIMIT 2000
)
SELECT i.indexrelid::bigint AS oid, x.relname::text AS name, n.nspname::text AS schema, i.relname::text AS "table",
       pg_catalog.format('%%I.%%I', n.nspname, i.relname) AS target, m.amname::text AS method,
       pg_catalog.concat_ws(' ', m.amname, i.indnkeyatts, i.indkey, pg_catalog.md5(i.indexprs::text),
                            pg_catalog.md5(i.indpred::text)) AS keys,
       CASE WHEN i.indpred IS NOT NULL OR i.indexprs IS NOT NULL OR i.indnatts <> i.indnkeyatts
                 OR i.indisunique THEN NULL
            WHEN i.indnatts = 1 THEN
         (SELECT pg_catalog.quote_ident(a.attname) FROM pg_catalog.pg_attribute a
           WHERE a.attrelid = i.indrelid AND a.attnum = i.indkey[0])
            ELSE
         (SELECT pg_catalog.string_agg(pg_catalog.quote_ident(a.attname), ', ' ORDER BY k.at)
            FROM pg_catalog.unnest(i.indkey::int2[]) WITH ORDINALITY k(attnum, at)
           -- Each by index: a join would hash all columns of each table.
           CROSS JOIN LATERAL (SELECT c.attname FROM pg_catalog.pg_attribute c
                                WHERE c.attrelid = i.indrelid AND c.attnum = k.attnum OFFSET 0) a) END AS columns
  FROM chosen i
 CROSS JOIN LATERAL (SELECT r.relname, r.relam FROM pg_catalog.pg_class r WHERE r.oid = i.indexrelid OFFSET 0) x
  JOIN pg_catalog.pg_namespace n ON n.oid = i.relnamespace
  JOIN pg_catalog.pg_am m ON m.oid = x.relam
 ORDER BY i.indexrelid
