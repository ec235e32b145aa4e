-- The bound of some partitions. A bound holds no column, so pg_get_expr needs no relation and waits for no lock.
SELECT c.oid::bigint AS oid, pg_catalog.pg_get_expr(c.relpartbound, 0) AS bound_text
  FROM pg_catalog.unnest(%(oid)s::bigint[]) w(oid)
  JOIN pg_catalog.pg_class c ON c.oid = w.oid::oid
