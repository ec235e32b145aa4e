-- The largest tenants: their share of the rows of all tables that hold tenants' rows, as ANALYZE last saw it.
-- lane: slow
--
-- Only tenants that the statistics list by name (most common values) are here; the others are smaller than those.
WITH @tenancy@
, listed AS MATERIALIZED (
  SELECT n.nspname || '.' || c.relname AS name, s.most_common_vals::text::text[] AS tenants,
         s.most_common_freqs AS shares,
         CASE WHEN c.relkind = 'r' THEN greatest(c.reltuples, 0) ELSE (
           SELECT pg_catalog.sum(greatest(l.reltuples, 0)) FROM pg_catalog.pg_inherits i
             JOIN pg_catalog.pg_class l ON l.oid = i.inhrelid WHERE i.inhparent = c.oid) END::float8 AS rows
    FROM tenancy y
    JOIN pg_catalog.pg_attribute a ON a.attname = y.attname AND a.atttypid = y.atttypid AND NOT a.attisdropped
    JOIN pg_catalog.pg_class c ON c.oid = a.attrelid AND c.relkind IN ('r', 'p') AND NOT c.relispartition
        AND c.oid >= 16384
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_catalog.pg_stats s ON s.schemaname = n.nspname AND s.tablename = c.relname AND s.attname = a.attname
     AND s.inherited = (c.relkind = 'p')
   WHERE s.most_common_vals IS NOT NULL
)
SELECT t.tenant, pg_catalog.sum(t.share * l.rows)::float8 AS rows,
       100.0::float8 * pg_catalog.sum(t.share * l.rows) / nullif((SELECT pg_catalog.sum(x.rows) FROM listed x), 0)
           AS share,
       pg_catalog.count(*) AS tables,
       (pg_catalog.array_agg(l.name ORDER BY t.share * l.rows DESC))[1] AS mostly
  FROM listed l
 CROSS JOIN LATERAL ROWS FROM (pg_catalog.unnest(l.tenants), pg_catalog.unnest(l.shares)) t(tenant, share)
 GROUP BY t.tenant
 ORDER BY 2 DESC, 1
 LIMIT 100
