-- Exact dead rows and free space of a table by pgstattuple, its indexes and storage options.
-- lane: slow
-- extension: pgstattuple
-- otherwise: bloat_table_detail
-- Every page that is not all-visible is read: beyond 65,536 of them (512 MB) that is left to the DBA.
WITH it AS MATERIALIZED (
  SELECT c.oid, c.reloptions, c.relpages - c.relallvisible AS pages, NOT EXISTS (
           SELECT FROM pg_catalog.pg_locks l
            WHERE l.mode = 'AccessExclusiveLock' AND l.locktype = 'relation'
              AND (l.relation = c.oid
                  OR l.relation IN (SELECT i.indexrelid FROM pg_catalog.pg_index i WHERE i.indrelid = c.oid))) AS free
    FROM pg_catalog.pg_class c WHERE c.oid = %(oid)s::bigint::oid
), exact AS (
  SELECT x.* FROM (SELECT it.oid FROM it WHERE it.free AND it.pages <= 65536 OFFSET 0) one
   -- the exact type: no overload of a user's fits better
   CROSS JOIN LATERAL @extschema@.pgstattuple_approx(one.oid::pg_catalog.regclass) x
)
SELECT 'exact dead' AS item, x.dead_tuple_count || ' rows, ' || pg_catalog.pg_size_pretty(x.dead_tuple_len) || ', '
       || pg_catalog.round(x.dead_tuple_percent::numeric, 1) || ' %%' AS value
  FROM exact x
UNION ALL
SELECT 'exact free', pg_catalog.pg_size_pretty(x.approx_free_space::bigint) || ', '
       || pg_catalog.round(x.approx_free_percent::numeric, 1) || ' %% ('
           || pg_catalog.round(x.scanned_percent::numeric, 1)
       || ' %% of the pages read, the rest from the free space map)'
  FROM exact x
UNION ALL
SELECT 'exact', CASE WHEN it.free THEN pg_catalog.pg_size_pretty(it.pages::bigint * 8192)
    || ' would have to be read; VACUUM it first'
                     ELSE 'not read: an ACCESS EXCLUSIVE lock is held or wanted' END
  FROM it WHERE NOT (it.free AND it.pages <= 65536)
UNION ALL
SELECT 'index', CASE WHEN it.free THEN pg_catalog.pg_get_indexdef(i.indexrelid) ELSE c.relname END
       || CASE WHEN i.indisvalid THEN '' ELSE ' (invalid)' END
  FROM it JOIN pg_catalog.pg_index i ON i.indrelid = it.oid JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
UNION ALL
SELECT 'options', pg_catalog.array_to_string(it.reloptions, ', ') FROM it WHERE it.reloptions IS NOT NULL
