-- The 500 largest partitions, with indexes and TOAST: rows, size and share as of the last VACUUM or ANALYZE.
WITH part AS MATERIALIZED (
  SELECT h.inhparent, h.inhrelid, h.inhdetachpending, greatest(c.relpages, 0) AS relpages, c.reltuples, c.reltoastrelid
    FROM pg_catalog.pg_partitioned_table t
    JOIN pg_catalog.pg_inherits h ON h.inhparent = t.partrelid
    JOIN pg_catalog.pg_class c ON c.oid = h.inhrelid
), attached AS MATERIALIZED (  -- pages of the indexes and the TOAST of each partition
  SELECT x.oid, pg_catalog.sum(greatest(r.relpages, 0))::bigint AS pages
    FROM (SELECT p.inhrelid AS oid, i.indexrelid AS relation
            FROM part p JOIN pg_catalog.pg_index i ON i.indrelid = p.inhrelid
           UNION ALL SELECT p.inhrelid, p.reltoastrelid FROM part p WHERE p.reltoastrelid <> 0
           UNION ALL SELECT p.inhrelid, i.indexrelid
            FROM part p JOIN pg_catalog.pg_index i ON i.indrelid = p.reltoastrelid) x
    JOIN pg_catalog.pg_class r ON r.oid = x.relation
   GROUP BY x.oid
), ranked AS MATERIALIZED (
  SELECT p.inhrelid AS oid, p.inhparent, p.inhdetachpending AS detaching, pg_catalog.count(*) OVER () AS total,
         w.pages AS whole,
         100.0::float8 * w.pages / nullif(pg_catalog.sum(w.pages) OVER (PARTITION BY p.inhparent), 0) AS share
    FROM part p
    LEFT JOIN attached b ON b.oid = p.inhrelid
   CROSS JOIN LATERAL (SELECT p.relpages + coalesce(b.pages, 0) AS pages) w
   ORDER BY w.pages DESC, p.inhrelid DESC
   LIMIT 500
)
SELECT c.oid::bigint AS oid, n.nspname || '.' || c.relname AS partition, p.relname::text AS parent,
       k.inhparent::bigint AS parent_oid, k.whole * pg_catalog.current_setting('block_size')::bigint AS estimated_size,
       greatest(c.relpages, 0) * pg_catalog.current_setting('block_size')::bigint AS estimated_heap,
       greatest(c.reltuples, 0)::float8 AS rows, coalesce(k.share, 0) AS share,
       pg_catalog.date_part('epoch', pg_catalog.now() - greatest(pg_catalog.pg_stat_get_last_vacuum_time(c.oid),
                                                                 pg_catalog.pg_stat_get_last_autovacuum_time(c.oid)))
                                                                     AS vacuum_age,
       k.detaching, c.relkind = 'p' AS has_partitions, k.total
  FROM ranked k
 CROSS JOIN LATERAL (SELECT r.oid, r.relname, r.relnamespace, r.relpages, r.reltuples, r.relkind
                       FROM pg_catalog.pg_class r WHERE r.oid = k.oid OFFSET 0) c
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_catalog.pg_class p ON p.oid = k.inhparent
