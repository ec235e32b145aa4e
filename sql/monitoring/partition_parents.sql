-- Partitioned tables: key, number of partitions, rows and size as of the last VACUUM or ANALYZE, rows in DEFAULT.
-- `children` and `child_sum` change with every attach and detach: bounds are then read again. `astray` are tables that
-- an interrupted run detached and did not attach again, by their progress markers.
WITH child AS MATERIALIZED (
  SELECT h.inhparent, pg_catalog.count(*) AS children, pg_catalog.sum(h.inhrelid::bigint)::bigint AS child_sum,
         pg_catalog.bool_or(h.inhdetachpending) AS detaching,
         pg_catalog.sum(greatest(c.relpages, 0))::bigint AS pages,
         pg_catalog.sum(greatest(c.reltuples, 0))::float8 AS rows
    FROM pg_catalog.pg_partitioned_table t
    JOIN pg_catalog.pg_inherits h ON h.inhparent = t.partrelid
    JOIN pg_catalog.pg_class c ON c.oid = h.inhrelid
   GROUP BY h.inhparent
), marked AS MATERIALIZED (
  SELECT k.relowner, pg_catalog.split_part(d.description, E'\n', 1) AS mark,
         pg_catalog.format('%%I.%%I', n.nspname, k.relname) AS name
    FROM pg_catalog.pg_description d
    JOIN pg_catalog.pg_class k ON k.oid = d.objoid AND NOT k.relispartition
    JOIN pg_catalog.pg_namespace n ON n.oid = k.relnamespace
   WHERE d.classoid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objsubid = 0
     AND d.description ~ '^pipeline-console: (on its way|to be dropped) from '
)
SELECT t.partrelid::bigint AS oid, n.nspname || '.' || c.relname AS parent, up.inhparent::bigint AS above,
       CASE t.partstrat WHEN 'r' THEN 'range' WHEN 'l' THEN 'list' WHEN 'h' THEN 'hash' END AS strategy,
       k.key, k.types, coalesce(h.children, 0) AS children, coalesce(h.child_sum, 0) AS child_sum,
       coalesce(h.detaching, false) AS detaching,
       (SELECT pg_catalog.string_agg(m.name, ', ' ORDER BY m.name) FROM marked m
         WHERE m.relowner = c.relowner
           AND (pg_catalog.strpos(m.mark, pg_catalog.format(' from %%I.%%I to ', n.nspname, c.relname)) > 0
             OR pg_catalog.strpos(m.mark, pg_catalog.format(' from %%I.%%I, ', n.nspname, c.relname)) > 0
             OR pg_catalog.strpos(m.mark, pg_catalog.format(' to %%I.%%I, ', n.nspname, c.relname)) > 0)) AS astray,
       coalesce(h.pages, 0) * pg_catalog.current_setting('block_size')::bigint AS estimated_size,
       coalesce(h.rows, 0) AS rows, nullif(t.partdefid, 0)::bigint AS default_oid,
       CASE WHEN t.partdefid <> 0 THEN greatest(d.reltuples, pg_catalog.pg_stat_get_live_tuples(d.oid), 0)::float8
            END AS default_rows,
       pg_catalog.date_part('epoch', pg_catalog.now()) AS now, pg_catalog.count(*) OVER () AS total
  FROM pg_catalog.pg_partitioned_table t
  JOIN pg_catalog.pg_class c ON c.oid = t.partrelid
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  LEFT JOIN child h ON h.inhparent = t.partrelid
  LEFT JOIN pg_catalog.pg_class d ON d.oid = t.partdefid
  LEFT JOIN pg_catalog.pg_inherits up ON up.inhrelid = t.partrelid
 CROSS JOIN LATERAL (
       SELECT pg_catalog.string_agg(coalesce(a.attname, '(expression)'), ', ' ORDER BY p.at) AS key,
              pg_catalog.array_agg(coalesce(pg_catalog.format_type(a.atttypid, NULL), '') ORDER BY p.at) AS types
         FROM pg_catalog.unnest(t.partattrs::int2[]) WITH ORDINALITY p(attnum, at)
         LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = t.partrelid AND a.attnum = p.attnum) k
 ORDER BY coalesce(h.pages, 0) DESC, 2
 LIMIT 500
