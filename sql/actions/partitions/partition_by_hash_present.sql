-- How a table is partitioned: strategy, key columns, number of partitions.
SELECT CASE p.partstrat WHEN 'h' THEN 'hash' WHEN 'r' THEN 'range' ELSE 'list' END AS strategy,
       coalesce((SELECT pg_catalog.string_agg(pg_catalog.quote_ident(a.attname), ', ' ORDER BY x.n)
                   FROM pg_catalog.unnest(p.partattrs::smallint[]) WITH ORDINALITY x(at, n)
                   JOIN pg_catalog.pg_attribute a ON a.attrelid = p.partrelid AND a.attnum = x.at),
                   'an expression') AS key,
       (SELECT pg_catalog.count(*) FROM pg_catalog.pg_inherits h WHERE h.inhparent = p.partrelid) AS children
  FROM pg_catalog.pg_partitioned_table p WHERE p.partrelid = %(oid)s::bigint::oid
