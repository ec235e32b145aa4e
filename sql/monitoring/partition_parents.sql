-- Partitioned tables: key, number of partitions, rows and size as of the last VACUUM or ANALYZE, rows in DEFAULT.
-- Sizes are those of the partitions with their indexes and TOAST; `clock` says whether the first key follows the clock
-- if it is of a time: a column does, and an expression of nothing but casts and functions that round a time.
-- `children` and `child_sum` change with every attach and detach: bounds are then read again. `astray` are tables that
-- an interrupted run detached and did not attach again, by their progress markers.
WITH @partition_pages@,
child AS MATERIALIZED (
  SELECT p.inhparent, pg_catalog.count(*) AS children, pg_catalog.sum(p.inhrelid::bigint)::bigint AS child_sum,
         pg_catalog.bool_or(p.inhdetachpending) AS detaching, pg_catalog.sum(p.relpages)::bigint AS pages,
         pg_catalog.sum(p.pages)::bigint AS whole, pg_catalog.sum(greatest(p.reltuples, 0))::float8 AS rows
    FROM part p
   GROUP BY p.inhparent
), marked AS MATERIALIZED (
  SELECT k.relowner, pg_catalog.split_part(d.description, E'\n', 1) AS mark,
         pg_catalog.format('%%I.%%I', n.nspname, k.relname) AS name
    FROM pg_catalog.pg_description d
    JOIN pg_catalog.pg_class k ON k.oid = d.objoid AND NOT k.relispartition
    JOIN pg_catalog.pg_namespace n ON n.oid = k.relnamespace
   WHERE d.classoid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objsubid = 0
     AND d.description LIKE 'pipeline-console: %%'  -- a regular expression costs more than the rest of the scan
     AND d.description ~ '^pipeline-console: (on its way|to be dropped) from '
)
SELECT t.partrelid::bigint AS oid, n.nspname || '.' || c.relname AS parent, up.inhparent::bigint AS above,
       CASE t.partstrat WHEN 'r' THEN 'range' WHEN 'l' THEN 'list' WHEN 'h' THEN 'hash' END AS strategy,
       k.key, k.types, k.clock, coalesce(h.children, 0) AS children, coalesce(h.child_sum, 0) AS child_sum,
       coalesce(h.detaching, false) AS detaching,
       (SELECT pg_catalog.string_agg(m.name, ', ' ORDER BY m.name) FROM marked m
         WHERE m.relowner = c.relowner
           AND (pg_catalog.strpos(m.mark, pg_catalog.format(' from %%I.%%I to ', n.nspname, c.relname)) > 0
             OR pg_catalog.strpos(m.mark, pg_catalog.format(' from %%I.%%I, ', n.nspname, c.relname)) > 0
             OR pg_catalog.strpos(m.mark, pg_catalog.format(' to %%I.%%I, ', n.nspname, c.relname)) > 0)) AS astray,
       coalesce(h.whole, 0) * pg_catalog.current_setting('block_size')::bigint AS estimated_size,
       coalesce(h.pages, 0) * pg_catalog.current_setting('block_size')::bigint AS estimated_heap,
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
              -- of an expression, the type that its operator class compares
              pg_catalog.array_agg(pg_catalog.format_type(coalesce(a.atttypid, o.opcintype), NULL) ORDER BY p.at)
                  AS types,
              t.partattrs[0] <> 0 OR NOT EXISTS (
                SELECT FROM pg_catalog.regexp_matches(t.partexprs::text, '\{([A-Z]+) (?::funcid (\d+))?', 'g') e(node)
                 WHERE e.node[1] NOT IN ('FUNCEXPR', 'VAR', 'CONST', 'RELABELTYPE')
                    OR (e.node[1] = 'FUNCEXPR' AND NOT EXISTS (
                        SELECT FROM pg_catalog.pg_proc f
                         WHERE f.oid = e.node[2]::oid AND f.pronamespace = 'pg_catalog'::pg_catalog.regnamespace
                           AND f.proname IN ('date_trunc', 'date_bin', 'date', 'timestamp', 'timestamptz', 'timezone',
                                             'to_timestamp')))) AS clock
         FROM ROWS FROM (pg_catalog.unnest(t.partattrs::int2[]), pg_catalog.unnest(t.partclass::oid[]))
              WITH ORDINALITY p(attnum, class, at)
         JOIN pg_catalog.pg_opclass o ON o.oid = p.class
         LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = t.partrelid AND a.attnum = p.attnum) k
 ORDER BY coalesce(h.whole, 0) DESC, 2
 LIMIT 500
