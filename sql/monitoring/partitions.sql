-- The 500 largest partitions, with indexes and TOAST: rows, size and share as of the last VACUUM or ANALYZE.
WITH @partition_pages@,
ranked AS MATERIALIZED (
  SELECT p.inhrelid AS oid, p.inhparent, p.inhdetachpending AS detaching, pg_catalog.count(*) OVER () AS total,
         p.pages AS whole,
         100.0::float8 * p.pages / nullif(pg_catalog.sum(p.pages) OVER (PARTITION BY p.inhparent), 0) AS share
    FROM part p
   ORDER BY p.pages DESC, p.inhrelid DESC
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
 CROSS JOIN LATERAL (SELECT r.relname FROM pg_catalog.pg_class r WHERE r.oid = k.inhparent OFFSET 0) p
