-- Blocks that were looked for in shared buffers and found there, as counters: the 1000 relations with most of them.
SELECT c.oid::bigint AS oid, c.relkind::text AS relkind, n.nspname || '.' || c.relname AS relation,
       m.nspname || '.' || o.relname AS toast_of, k.lookups, k.hits, k.lookups - k.hits AS reads,
       (k.lookups - k.hits) * pg_catalog.current_setting('block_size')::bigint AS read_bytes,
       pg_catalog.count(*) OVER () AS total
  FROM (SELECT r.oid, pg_catalog.pg_stat_get_blocks_fetched(r.oid) AS lookups,
               pg_catalog.pg_stat_get_blocks_hit(r.oid) AS hits
          FROM pg_catalog.pg_class r WHERE r.relkind IN ('r', 'm', 't', 'i', 'S') OFFSET 0) k
  JOIN pg_catalog.pg_class c ON c.oid = k.oid
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  LEFT JOIN pg_catalog.pg_index i ON i.indexrelid = c.oid
  LEFT JOIN pg_catalog.pg_class o ON o.reltoastrelid = coalesce(i.indrelid, c.oid)
  LEFT JOIN pg_catalog.pg_namespace m ON m.oid = o.relnamespace
 WHERE k.lookups > 0
 ORDER BY k.lookups DESC, c.oid
 LIMIT 1000
