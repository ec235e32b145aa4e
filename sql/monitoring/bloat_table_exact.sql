-- Exact dead rows and free space of a table and of its TOAST by pgstattuple, its indexes and storage options.
-- lane: slow
-- extension: pgstattuple
-- otherwise: bloat_table_detail
-- right: EXECUTE ON FUNCTION @extschema@.pgstattuple_approx(regclass)
-- Every page that is not all-visible is read: beyond 65,536 of them (512 MB) that is left to the DBA.
WITH part AS MATERIALIZED (
  SELECT 0 AS at, '' AS label, c.oid, c.oid AS heap, NULL::text AS toast, c.reloptions,
         c.relpages - c.relallvisible AS pages
    FROM pg_catalog.pg_class c WHERE c.oid = %(oid)s::bigint::oid
  UNION ALL
  SELECT 1, 'TOAST ', t.oid, c.oid, n.nspname || '.' || t.relname, NULL, t.relpages - t.relallvisible
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_class t ON t.oid = c.reltoastrelid AND t.relkind = 't'
    JOIN pg_catalog.pg_namespace n ON n.oid = t.relnamespace
   WHERE c.oid = %(oid)s::bigint::oid
), it AS MATERIALIZED (
  SELECT p.*, NOT EXISTS (
           SELECT FROM pg_catalog.pg_locks l
            WHERE l.mode = 'AccessExclusiveLock' AND l.locktype = 'relation'
              AND (l.relation IN (p.oid, p.heap)
                  OR l.relation IN (SELECT i.indexrelid FROM pg_catalog.pg_index i WHERE i.indrelid = p.oid))) AS free
    FROM part p
), exact AS MATERIALIZED (
  SELECT one.at, one.label, x.* FROM (SELECT it.* FROM it WHERE it.free AND it.pages <= 65536 OFFSET 0) one
   -- the exact type: no overload of a user's fits better
   CROSS JOIN LATERAL @extschema@.pgstattuple_approx(one.oid::pg_catalog.regclass) x
), line AS (
  SELECT x.at * 10 AS at, x.label || 'exact dead' AS item,
         x.dead_tuple_count || CASE WHEN x.at = 0 THEN ' rows, ' ELSE ' chunks, ' END
         || pg_catalog.pg_size_pretty(x.dead_tuple_len) || ', '
         || pg_catalog.round(x.dead_tuple_percent::numeric, 1) || ' %%' AS value
    FROM exact x
  UNION ALL
  SELECT x.at * 10 + 1, x.label || 'exact free', pg_catalog.pg_size_pretty(x.approx_free_space::bigint) || ', '
         || pg_catalog.round(x.approx_free_percent::numeric, 1) || ' %% ('
             || pg_catalog.round(x.scanned_percent::numeric, 1)
         || ' %% of the pages read, the rest from the free space map)'
    FROM exact x
  UNION ALL
  SELECT it.at * 10 + 2, it.label || 'exact', CASE WHEN it.free THEN pg_catalog.pg_size_pretty(it.pages::bigint * 8192)
      || ' would have to be read; VACUUM it first'
                       ELSE 'not read: an ACCESS EXCLUSIVE lock is held or wanted' END
    FROM it WHERE NOT (it.free AND it.pages <= 65536)
  UNION ALL
  SELECT 20, 'exact free with TOAST', pg_catalog.pg_size_pretty(pg_catalog.sum(x.approx_free_space)::bigint) || ' of '
         || pg_catalog.pg_size_pretty(pg_catalog.sum(x.table_len)::bigint)
    FROM exact x HAVING pg_catalog.count(*) = 2
  UNION ALL
  SELECT 21, 'TOAST table', it.toast FROM it WHERE it.at = 1
)
(SELECT l.item, l.value FROM line l ORDER BY l.at)
UNION ALL
SELECT 'index', CASE WHEN it.free THEN pg_catalog.pg_get_indexdef(i.indexrelid) ELSE c.relname END
       || CASE WHEN i.indisvalid THEN '' ELSE ' (invalid)' END
  FROM it JOIN pg_catalog.pg_index i ON i.indrelid = it.oid JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
 WHERE it.at = 0
UNION ALL
SELECT 'options', pg_catalog.array_to_string(it.reloptions, ', ') FROM it WHERE it.reloptions IS NOT NULL
