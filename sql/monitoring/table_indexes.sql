-- Indexes of tables and partitioned tables, without those of partitions, in the order of their creation: at most 2,000.
-- lane: slow
--
-- `keys` is equal for two indexes with the same columns, expressions and predicate; create-index takes `columns`.
SELECT i.indexrelid::bigint AS oid, x.relname::text AS name, n.nspname::text AS schema, c.relname::text AS "table",
       pg_catalog.format('%%I.%%I', n.nspname, c.relname) AS target, m.amname::text AS method,
       pg_catalog.concat_ws(' ', m.amname, i.indnkeyatts, i.indkey, pg_catalog.md5(i.indexprs::text),
                            pg_catalog.md5(i.indpred::text)) AS keys,
       CASE WHEN i.indpred IS NULL AND i.indexprs IS NULL AND i.indnatts = i.indnkeyatts AND NOT i.indisunique THEN
         (SELECT pg_catalog.string_agg(pg_catalog.quote_ident(a.attname), ', ' ORDER BY k.at)
            FROM pg_catalog.unnest(i.indkey::int2[]) WITH ORDINALITY k(attnum, at)
            JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum) END AS columns
  FROM pg_catalog.pg_index i
  JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid AND NOT x.relispartition
  JOIN pg_catalog.pg_class c ON c.oid = i.indrelid AND NOT c.relispartition AND c.relpersistence <> 't'
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_catalog.pg_am m ON m.oid = x.relam
 WHERE i.indexrelid >= 16384 AND i.indislive AND c.relkind IN ('r', 'p', 'm')
 ORDER BY i.indexrelid
 LIMIT 2000
