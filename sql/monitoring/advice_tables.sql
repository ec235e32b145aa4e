-- The tables that plans read, each with the partitioned table it is part of, its size, its writes, and its indexes.
-- lane: slow
WITH place AS (
  SELECT DISTINCT w.schema, w.name, c.oid, coalesce(pg_catalog.pg_partition_root(c.oid)::oid, c.oid) AS root
    FROM ROWS FROM (pg_catalog.unnest(%(schemas)s::text[]), pg_catalog.unnest(%(tables)s::text[])) w(schema, name)
    JOIN pg_catalog.pg_namespace n ON n.nspname = w.schema
    JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = w.name AND c.relkind IN ('r', 'p', 'm')
   WHERE n.nspname NOT IN ('pg_catalog', 'information_schema') AND c.relpersistence <> 't'
), leaf AS (
  SELECT r.root, coalesce(t.relid::oid, r.root) AS oid
    FROM (SELECT DISTINCT p.root FROM place p) r
    LEFT JOIN LATERAL (SELECT x.relid FROM pg_catalog.pg_partition_tree(r.root) x WHERE x.isleaf) t ON true
), whole AS (
  SELECT l.root, pg_catalog.sum(greatest(c.reltuples, 0))::float8 AS rows,
         pg_catalog.sum(c.relpages::bigint) * pg_catalog.current_setting('block_size')::bigint AS bytes,
         pg_catalog.sum(pg_catalog.pg_stat_get_tuples_inserted(l.oid))::float8 AS inserted,
         pg_catalog.sum(pg_catalog.pg_stat_get_tuples_updated(l.oid))::float8 AS updated,
         pg_catalog.sum(pg_catalog.pg_stat_get_tuples_hot_updated(l.oid))::float8 AS hot
    FROM leaf l JOIN pg_catalog.pg_class c ON c.oid = l.oid
   GROUP BY l.root
)
SELECT p.schema, p.name, c.oid::bigint AS oid, n.nspname::text AS root_schema, c.relname::text AS root_name,
       pg_catalog.format('%%I.%%I', n.nspname, c.relname) AS qualified,
       w.rows, w.bytes::bigint AS bytes, w.inserted, w.updated, w.hot,
       (SELECT pg_catalog.date_part('epoch', pg_catalog.clock_timestamp() - coalesce(d.stats_reset, s.started))
          FROM pg_catalog.pg_stat_database d CROSS JOIN (SELECT pg_catalog.pg_postmaster_start_time() AS started) s
         WHERE d.datname = pg_catalog.current_database()) AS counted_for,
       coalesce((SELECT pg_catalog.jsonb_object_agg(a.attname, CASE WHEN a.attlen > 0 THEN a.attlen ELSE 24 END)
                   FROM pg_catalog.pg_attribute a
                  WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped), '{}') AS widths,
       coalesce((SELECT pg_catalog.jsonb_object_agg(x.relname, k.columns)
                   FROM pg_catalog.pg_index i
                   JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid
                   JOIN pg_catalog.pg_am m ON m.oid = x.relam AND m.amname = 'btree'
                  CROSS JOIN LATERAL (
                        SELECT pg_catalog.array_agg(coalesce(a.attname::text, '') ORDER BY u.at) AS columns
                          FROM pg_catalog.unnest((i.indkey::int2[])[0:i.indnkeyatts - 1]) WITH ORDINALITY u(attnum, at)
                          LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = u.attnum) k
                  WHERE i.indrelid = c.oid AND i.indisvalid AND i.indpred IS NULL), '{}') AS indexes
  FROM place p
  JOIN whole w ON w.root = p.root
  JOIN pg_catalog.pg_class c ON c.oid = p.root
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
