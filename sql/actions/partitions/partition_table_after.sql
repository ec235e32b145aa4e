-- What is left after partitioning a table: the old table, and foreign keys that only the partitions have.
WITH t AS MATERIALIZED (
  SELECT c.oid, c.relowner, c.relnamespace, pg_catalog.format('%%I.%%I', n.nspname, c.relname) AS name
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
     WHERE c.oid = %(oid)s::bigint::oid
), leaf AS MATERIALIZED (
  SELECT h.inhrelid AS oid, pg_catalog.format('%%I.%%I', n.nspname, c.relname) AS name
    FROM t JOIN pg_catalog.pg_inherits h ON h.inhparent = t.oid JOIN pg_catalog.pg_class c ON c.oid = h.inhrelid
      JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
)
SELECT o.oid::bigint AS oid, pg_catalog.format('%%I.%%I', n.nspname, o.relname) AS name, b.found AS before_swap,
       a.found AS after_swap,
       pg_catalog.pg_has_role(o.relowner, 'USAGE') AS may_drop,
       pg_catalog.pg_size_pretty(pg_catalog.pg_total_relation_size(o.oid)) AS size,
       (SELECT pg_catalog.min(k.conrelid)::bigint FROM leaf l JOIN pg_catalog.pg_constraint k ON k.conrelid = l.oid
        AND k.contype = 'f' AND k.conparentid = 0) AS pending,
       (SELECT pg_catalog.array_agg(l.name ORDER BY l.name) FROM leaf l) AS leaves,
       (SELECT pg_catalog.array_agg(a.attname::text ORDER BY x.n) FROM (SELECT i.* FROM pg_catalog.pg_index i
             WHERE i.indrelid = t.oid AND i.indisunique
           ORDER BY i.indisprimary DESC, i.indexrelid LIMIT 1) i
               CROSS JOIN pg_catalog.unnest(i.indkey) WITH ORDINALITY x(at, n)
          JOIN pg_catalog.pg_attribute a ON a.attrelid = t.oid AND a.attnum = x.at WHERE x.n <= i.indnkeyatts) AS handle
  FROM t
  JOIN pg_catalog.pg_class o ON o.relnamespace = t.relnamespace AND o.relowner = t.relowner AND o.relkind = 'r'
   AND NOT o.relispartition
  JOIN pg_catalog.pg_namespace n ON n.oid = o.relnamespace
  JOIN pg_catalog.pg_description d ON d.objoid = o.oid AND d.classoid = 'pg_catalog.pg_class'::pg_catalog.regclass
   AND d.objsubid = 0
   AND pg_catalog.split_part(d.description, E'\n', 1) = pg_catalog.replace('pipeline-console: the former ' || t.name
         || ', kept by partition-table', E'\n', ' ')
  LEFT JOIN LATERAL (SELECT pg_catalog.regexp_match(d.description,
         E'\nbefore swap: rows=(\\d+) checksum=(-?\\d+) at=([^\n]+)') AS found) b ON true
  LEFT JOIN LATERAL (SELECT pg_catalog.regexp_match(d.description,
         E'\nafter swap: same=(\\d+) gone=(\\d+) added=(\\d+) at=([^\n]+)') AS found) a ON true
 ORDER BY o.oid DESC
 LIMIT 1
