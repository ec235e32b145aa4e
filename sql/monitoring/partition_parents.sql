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
), @partition_marks@
SELECT t.partrelid::bigint AS oid, n.nspname || '.' || c.relname AS parent, up.inhparent::bigint AS above,
       CASE t.partstrat WHEN 'r' THEN 'range' WHEN 'l' THEN 'list' WHEN 'h' THEN 'hash' END AS strategy,
       k.key, k.types, k.clock, coalesce(h.children, 0) AS children, coalesce(h.child_sum, 0) AS child_sum,
       coalesce(h.detaching, false) AS detaching,
@partition_astray@
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
@partition_key@
 ORDER BY coalesce(h.whole, 0) DESC, 2
 LIMIT 500
