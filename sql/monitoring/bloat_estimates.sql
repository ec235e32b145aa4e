-- Space that a rewrite would give back, estimated from statistics: 0.93 to 1.18 times the truth after a recent ANALYZE.
WITH RECURSIVE asked AS MATERIALIZED (
  SELECT w.oid, false AS is_empty FROM pg_catalog.unnest(%(oid)s::bigint[]) w(oid)
), @bloat_rows@
SELECT s.oid::bigint AS oid, (s.spare * s.block)::bigint AS bloat,
       100.0::float8 * s.spare / greatest(s.pages + coalesce(s.toast_pages, 0), 1) AS bloat_pct,
       s.reason AS bloat_reason, s.hidden AS bloat_hidden,
       (s.heap_spare * s.block)::bigint AS heap_bloat, 100.0::float8 * s.heap_spare / greatest(s.pages, 1)
           AS heap_bloat_pct,
       (s.toast_spare * s.block)::bigint AS toast_bloat, 100.0::float8 * s.toast_spare / greatest(s.toast_pages, 1)
           AS toast_bloat_pct
  FROM summed s
