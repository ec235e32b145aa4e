-- The bounds of all partitions of some parents, with the rows that VACUUM and ANALYZE last saw.
-- A bound holds no column, so pg_get_expr needs no relation; given one, it would wait behind ACCESS EXCLUSIVE.
SELECT h.inhparent::bigint AS oid,
       pg_catalog.array_agg(pg_catalog.pg_get_expr(c.relpartbound, 0)) AS bounds,
       pg_catalog.array_agg(greatest(c.reltuples, 0)::float8) AS bound_rows
  FROM pg_catalog.unnest(%(oid)s::bigint[]) w(oid)
  JOIN pg_catalog.pg_inherits h ON h.inhparent = w.oid::oid
  JOIN pg_catalog.pg_class c ON c.oid = h.inhrelid
 WHERE NOT h.inhdetachpending
 GROUP BY h.inhparent
