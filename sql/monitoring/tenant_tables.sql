-- Tables that hold many tenants' rows: size, growth, and how evenly the tenants share them, as ANALYZE last saw it.
-- lane: slow
--
-- The tenant column is the one by which most tables refer to one common table (such as organization_id). Shares
-- come from the statistics, so no table is read; a role sees them only of tables that it may read.
-- Growth is what was inserted less what was deleted since the counters began, at the present size of a row.
WITH RECURSIVE @tenancy@
, holder AS MATERIALIZED (
  SELECT c.oid, n.nspname, c.relname, c.relkind, a.attname, t.partstrat, t.partattrs[0] = a.attnum AS by_tenant,
         o.relname AS tenant_table
    FROM tenancy y
    JOIN pg_catalog.pg_attribute a ON a.attname = y.attname AND a.atttypid = y.atttypid AND NOT a.attisdropped
    JOIN pg_catalog.pg_class c ON c.oid = a.attrelid AND c.relkind IN ('r', 'p') AND NOT c.relispartition
        AND c.oid >= 16384
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_catalog.pg_class o ON o.oid = y.confrelid
    LEFT JOIN pg_catalog.pg_partitioned_table t ON t.partrelid = c.oid
), part AS (
  SELECT h.oid AS root, h.oid FROM holder h
  UNION ALL
  SELECT p.root, i.inhrelid FROM part p JOIN pg_catalog.pg_inherits i ON i.inhparent = p.oid
), extent AS MATERIALIZED (
  SELECT p.root, pg_catalog.sum(greatest(c.relpages, 0))::bigint AS pages,
         pg_catalog.sum(greatest(c.reltuples, 0))::float8 AS rows,
         pg_catalog.bool_or(c.reltuples < 0) AS unseen,
         pg_catalog.sum(pg_catalog.pg_stat_get_tuples_inserted(c.oid)
             - pg_catalog.pg_stat_get_tuples_deleted(c.oid))::float8 AS grown
    FROM part p JOIN pg_catalog.pg_class c ON c.oid = p.oid AND c.relkind = 'r'
   GROUP BY p.root
)
SELECT h.oid::bigint AS oid, h.nspname || '.' || h.relname AS "table", h.attname::text AS tenant_column,
       h.tenant_table::text AS tenant_table,
       CASE h.partstrat WHEN 'h' THEN 'hash' WHEN 'r' THEN 'range' WHEN 'l' THEN 'list' END AS partitioned, h.by_tenant,
       coalesce(e.pages, 0) * pg_catalog.current_setting('block_size')::bigint AS size, coalesce(e.rows, 0) AS rows,
       coalesce(e.unseen, false) AS unseen, e.grown,
       pg_catalog.date_part('epoch', pg_catalog.now() - coalesce(
         pg_catalog.pg_stat_get_db_stat_reset_time(d.oid), pg_catalog.pg_postmaster_start_time())) AS counted_for,
       CASE WHEN s.n_distinct < 0 THEN -s.n_distinct * e.rows ELSE s.n_distinct END::float8 AS tenants,
       100.0::float8 * s.most_common_freqs[1] AS largest_share,
       s.tablename IS NOT NULL AS known
  FROM holder h
  JOIN pg_catalog.pg_database d ON d.datname = pg_catalog.current_database()
  LEFT JOIN extent e ON e.root = h.oid
  LEFT JOIN pg_catalog.pg_stats s ON s.schemaname = h.nspname AND s.tablename = h.relname AND s.attname = h.attname
        AND s.inherited = (h.relkind = 'p')
 ORDER BY size DESC, 2
