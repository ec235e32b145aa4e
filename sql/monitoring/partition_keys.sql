-- Partitioned tables: key, number of partitions, and rows in DEFAULT, without sizes: what the rules judge.
-- `children` and `child_sum` change with every attach and detach: bounds are then read again. `astray` are tables that
-- an interrupted run detached and did not attach again, by their progress markers.
WITH child AS MATERIALIZED (
  SELECT h.inhparent, pg_catalog.count(*) AS children, pg_catalog.sum(h.inhrelid::bigint)::bigint AS child_sum,
         pg_catalog.bool_or(h.inhdetachpending) AS detaching
    FROM pg_catalog.pg_inherits h
   GROUP BY h.inhparent
), @partition_marks@
SELECT t.partrelid::bigint AS oid, n.nspname || '.' || c.relname AS parent,
       CASE t.partstrat WHEN 'r' THEN 'range' WHEN 'l' THEN 'list' WHEN 'h' THEN 'hash' END AS strategy,
       k.key, k.types, k.clock, coalesce(h.children, 0) AS children, coalesce(h.child_sum, 0) AS child_sum,
       coalesce(h.detaching, false) AS detaching,
@partition_astray@
       nullif(t.partdefid, 0)::bigint AS default_oid,
       CASE WHEN t.partdefid <> 0 THEN greatest(d.reltuples, pg_catalog.pg_stat_get_live_tuples(d.oid), 0)::float8
            END AS default_rows,
       pg_catalog.date_part('epoch', pg_catalog.now()) AS now
  FROM pg_catalog.pg_partitioned_table t
  JOIN pg_catalog.pg_class c ON c.oid = t.partrelid
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  LEFT JOIN child h ON h.inhparent = t.partrelid
  LEFT JOIN pg_catalog.pg_class d ON d.oid = t.partdefid
@partition_key@
 ORDER BY children DESC, 2
 LIMIT 500
