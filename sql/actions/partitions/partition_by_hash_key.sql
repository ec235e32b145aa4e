-- Whether a column can be a hash partition key: its type has a hash operator class, and it has no nulls.
-- lane: slow
--
-- ts_stat runs a query given as text: the name of the table is only known here.
SELECT CASE WHEN NOT k.hashes THEN pg_catalog.format('The type %%s has no hash operator class.', k.type_name)
            WHEN coalesce(f.nulls, false)
                THEN pg_catalog.format('Some rows have a null %%s, so their tenant is unknown.',
                                       pg_catalog.quote_ident(k.attname)) END AS refused,
       'Correct that, or choose another key with --set key=COLUMN.' AS remedy
  FROM (SELECT a.attname, a.attnotnull, pg_catalog.format('%%I.%%I', n.nspname, c.relname) AS name,
        pg_catalog.format_type(a.atttypid, a.atttypmod) AS type_name,
               y.typtype = 'e' OR y.typelem <> 0 OR EXISTS (
                 SELECT FROM pg_catalog.pg_opclass o JOIN pg_catalog.pg_am m ON m.oid = o.opcmethod
                     AND m.amname = 'hash'
                  WHERE o.opcdefault AND (o.opcintype = y.oid OR EXISTS (
                    SELECT FROM pg_catalog.pg_cast x WHERE x.castsource = y.oid AND x.casttarget = o.opcintype
                        AND x.castmethod = 'b' AND x.castcontext = 'i'))) AS hashes
          FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
            JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
          JOIN pg_catalog.pg_type y ON y.oid = a.atttypid
         WHERE a.attrelid = %(oid)s::bigint::oid AND a.attname = %(key)s AND a.attnum > 0 AND NOT a.attisdropped) k
  LEFT JOIN LATERAL (
       SELECT pg_catalog.bool_or(s.word = 'n:true') AS nulls
         FROM pg_catalog.ts_stat(pg_catalog.format('SELECT pg_catalog.array_to_tsvector(ARRAY[''n:'' || EXISTS (SELECT '
                                                   'FROM ONLY %%s WHERE %%I IS NULL)]::text[])',
                                                   k.name, k.attname)) s) f ON NOT k.attnotnull
