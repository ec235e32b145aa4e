-- The 500 largest partitions: parent, rows and size that VACUUM and ANALYZE last saw, share of the parent.
WITH ranked AS MATERIALIZED (
  SELECT c.oid, h.inhparent, h.inhdetachpending AS detaching, pg_catalog.count(*) OVER () AS total,
         100.0::float8 * c.relpages / nullif(pg_catalog.sum(greatest(c.relpages, 0)) OVER (PARTITION BY h.inhparent),
             0) AS share
    FROM pg_catalog.pg_partitioned_table t
    JOIN pg_catalog.pg_inherits h ON h.inhparent = t.partrelid
    JOIN pg_catalog.pg_class c ON c.oid = h.inhrelid
   ORDER BY c.relpages DESC, c.oid DESC
   LIMIT 500
)
SELECT c.oid::bigint AS oid, n.nspname || '.' || c.relname AS partition, p.relname::text AS parent,
       k.inhparent::bigint AS parent_oid, greatest(c.relpages, 0) * pg_catalog.current_setting('block_size')::bigint
           AS estimated_size,
       greatest(c.reltuples, 0)::float8 AS rows, greatest(k.share, 0) AS share,
       pg_catalog.date_part('epoch', pg_catalog.now() - greatest(pg_catalog.pg_stat_get_last_vacuum_time(c.oid),
                                                                 pg_catalog.pg_stat_get_last_autovacuum_time(c.oid)))
                                                                     AS vacuum_age,
       k.detaching, c.relkind = 'p' AS has_partitions, k.total
  FROM ranked k
 CROSS JOIN LATERAL (SELECT r.oid, r.relname, r.relnamespace, r.relpages, r.reltuples, r.relkind
                       FROM pg_catalog.pg_class r WHERE r.oid = k.oid OFFSET 0) c
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_catalog.pg_class p ON p.oid = k.inhparent
