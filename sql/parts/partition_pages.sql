owned AS (  -- the partitions and their indexes
  SELECT h.inhparent, h.inhrelid, h.inhdetachpending, h.inhrelid AS relation
    FROM pg_catalog.pg_partitioned_table t
    JOIN pg_catalog.pg_inherits h ON h.inhparent = t.partrelid
   UNION ALL
  SELECT h.inhparent, h.inhrelid, h.inhdetachpending, i.indexrelid
    FROM pg_catalog.pg_partitioned_table t
    JOIN pg_catalog.pg_inherits h ON h.inhparent = t.partrelid
    JOIN pg_catalog.pg_index i ON i.indrelid = h.inhrelid
), sized AS MATERIALIZED (  -- pg_class is scanned once
  SELECT o.inhparent, o.inhrelid, o.inhdetachpending, pg_catalog.sum(greatest(c.relpages, 0))::bigint AS pages,
         pg_catalog.sum(greatest(c.relpages, 0)) FILTER (WHERE o.relation = o.inhrelid)::bigint AS relpages,
         pg_catalog.max(c.reltuples) FILTER (WHERE o.relation = o.inhrelid) AS reltuples,
         pg_catalog.max(c.reltoastrelid) AS reltoastrelid
    FROM owned o JOIN pg_catalog.pg_class c ON c.oid = o.relation
   GROUP BY o.inhparent, o.inhrelid, o.inhdetachpending
), part AS MATERIALIZED (
  SELECT p.inhparent, p.inhrelid, p.inhdetachpending, p.relpages, p.reltuples,
         p.pages + CASE WHEN p.reltoastrelid = 0 THEN 0 ELSE (
           SELECT coalesce(pg_catalog.sum(greatest(r.relpages, 0)), 0)::bigint
             FROM (SELECT p.reltoastrelid AS oid
                   UNION ALL
                   SELECT i.indexrelid FROM pg_catalog.pg_index i WHERE i.indrelid = p.reltoastrelid) x
            CROSS JOIN LATERAL (SELECT c.relpages FROM pg_catalog.pg_class c WHERE c.oid = x.oid OFFSET 0) r
         ) END AS pages
    FROM sized p
)
