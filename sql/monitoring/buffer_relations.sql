-- What fills shared buffers: the 500 relations of this database with most buffers, other databases with a row each.
-- right: SELECT ON @extschema@.pg_buffercache
-- It reads the header of every buffer, as one row of the extension each, whatever is asked for: there is no sample and
-- no slice of it that costs less. Above 1048576 buffers (8 GB) it reads none, and returns one row, "unread".
-- The size of a relation that an ACCESS EXCLUSIVE lock holds, or waits for, is an
-- estimate. Buffers of files that belong to no visible relation (dropped, or made by an open transaction) are one row.
-- lane: slow
-- extension: pg_buffercache
WITH whole AS MATERIALIZED (
  SELECT s.setting::bigint AS total, s.setting::bigint > 1048576 AS unread
    FROM pg_catalog.pg_settings s WHERE s.name = 'shared_buffers'
), held AS MATERIALIZED (
  SELECT b.reldatabase, b.reltablespace, b.relfilenode, pg_catalog.count(*) AS buffers,
         pg_catalog.count(*) FILTER (WHERE b.relforknumber = 0) AS main,
         pg_catalog.count(*) FILTER (WHERE b.isdirty) AS dirty,
         pg_catalog.count(*) FILTER (WHERE b.pinning_backends > 0) AS pinned,
         pg_catalog.count(*) FILTER (WHERE b.usagecount = 5) AS hot,
         pg_catalog.sum(b.usagecount)::float8 AS uses
    FROM @extschema@.pg_buffercache b
   WHERE b.relfilenode IS NOT NULL AND NOT (SELECT w.unread FROM whole w)
   GROUP BY 1, 2, 3
), here AS MATERIALIZED (
  SELECT d.oid, d.dattablespace, pg_catalog.current_setting('block_size')::bigint AS block,
         (SELECT w.total FROM whole w) AS total
    FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database()
), known AS MATERIALIZED (
  SELECT c.oid, h.*
    FROM here CROSS JOIN held h
    LEFT JOIN pg_catalog.pg_class c
      ON h.relfilenode = coalesce(nullif(c.relfilenode, 0), pg_catalog.pg_relation_filenode(c.oid))
     AND h.reltablespace = CASE WHEN c.reltablespace = 0 THEN here.dattablespace ELSE c.reltablespace END
   WHERE h.reldatabase IN (0, here.oid)
), named AS MATERIALIZED (
  SELECT k.* FROM known k WHERE k.oid IS NOT NULL ORDER BY k.buffers DESC, k.oid LIMIT 500
), locked AS MATERIALIZED (
  SELECT DISTINCT l.relation FROM pg_catalog.pg_locks l
   WHERE l.mode = 'AccessExclusiveLock' AND l.locktype = 'relation'
), line AS (
  SELECT k.oid::bigint AS oid, NULL::text AS elsewhere, c.relkind::text AS relkind,
         n.nspname || '.' || c.relname AS relation,
         m.nspname || '.' || o.relname AS toast_of,
         k.buffers, k.main, k.dirty, k.pinned, k.hot, k.uses,
         CASE WHEN l.relation IS NULL THEN pg_catalog.pg_relation_size(c.oid) ELSE c.relpages * here.block END AS size,
         l.relation IS NOT NULL AS estimated
    FROM here CROSS JOIN named k
    JOIN pg_catalog.pg_class c ON c.oid = k.oid
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    LEFT JOIN pg_catalog.pg_index i ON i.indexrelid = c.oid
    LEFT JOIN pg_catalog.pg_class o ON o.reltoastrelid = coalesce(i.indrelid, c.oid)
    LEFT JOIN pg_catalog.pg_namespace m ON m.oid = o.relnamespace
    LEFT JOIN locked l ON l.relation = c.oid
  UNION ALL
  SELECT NULL, 'file', NULL, NULL, NULL, pg_catalog.sum(k.buffers)::bigint, NULL, pg_catalog.sum(k.dirty)::bigint,
         pg_catalog.sum(k.pinned)::bigint, pg_catalog.sum(k.hot)::bigint, pg_catalog.sum(k.uses), NULL, false
    FROM known k WHERE k.oid IS NULL HAVING pg_catalog.count(*) > 0
  UNION ALL
  SELECT NULL, 'database', NULL, coalesce(d.datname, 'OID ' || h.reldatabase)::text, NULL,
         pg_catalog.sum(h.buffers)::bigint, NULL, pg_catalog.sum(h.dirty)::bigint, pg_catalog.sum(h.pinned)::bigint,
         pg_catalog.sum(h.hot)::bigint, pg_catalog.sum(h.uses), NULL, false
    FROM here CROSS JOIN held h LEFT JOIN pg_catalog.pg_database d ON d.oid = h.reldatabase
   WHERE h.reldatabase NOT IN (0, here.oid)
   GROUP BY h.reldatabase, d.datname
  UNION ALL
  SELECT NULL, 'unread', NULL, NULL, NULL, w.total, NULL, 0, 0, 0, 0, NULL, false FROM whole w WHERE w.unread
)
SELECT coalesce(l.oid::text, l.elsewhere || ' ' || coalesce(l.relation, '')) AS id, l.oid, l.elsewhere, l.relkind,
       l.relation, l.toast_of, l.buffers, l.buffers * here.block AS bytes, l.main * here.block AS main_bytes,
       100.0::float8 * l.buffers / here.total AS share, l.dirty, l.pinned, 100.0::float8 * l.hot / l.buffers AS hot_pct,
       l.uses / l.buffers AS usage, l.size, l.estimated,
       (SELECT pg_catalog.count(*) FROM known k WHERE k.oid IS NOT NULL) AS total
  FROM line l CROSS JOIN here
 ORDER BY l.buffers DESC, 1
