-- The 100 largest partitions with their indexes and TOAST, the 100 largest indexes and the 50 largest TOAST tables.
-- lane: slow
--
-- What is left out while an ACCESS EXCLUSIVE lock is held or awaited: a partition, an index or the TOAST of its table.
WITH locked AS MATERIALIZED (
  SELECT DISTINCT coalesce(i.indrelid, l.relation) AS oid
    FROM pg_catalog.pg_locks l
    LEFT JOIN pg_catalog.pg_index i ON i.indexrelid = l.relation
   WHERE l.mode = 'AccessExclusiveLock' AND l.locktype = 'relation'
), held AS MATERIALIZED (
  SELECT c.oid, c.relnamespace, c.relname, c.relkind, c.relpages, c.reltoastrelid,
         CASE WHEN c.relispartition THEN (SELECT h.inhparent FROM pg_catalog.pg_inherits h WHERE h.inhrelid = c.oid) END
           AS parent
    FROM pg_catalog.pg_class c
   WHERE c.relkind IN ('r', 'm') AND c.relpersistence <> 't'
     AND c.relnamespace <> ALL (ARRAY(SELECT n.oid FROM pg_catalog.pg_namespace n
                                       WHERE n.nspname IN ('pg_catalog', 'information_schema', 'pg_toast')))
     AND c.oid NOT IN (SELECT l.oid FROM locked l) AND c.reltoastrelid NOT IN (SELECT l.oid FROM locked l)
), chosen AS MATERIALIZED (
  (SELECT 'partition' AS kind, h.oid, h.relnamespace, h.relname, h.parent AS of
     FROM held h
    WHERE h.parent IS NOT NULL
    ORDER BY h.relpages DESC, h.oid
    LIMIT 100)
   UNION ALL
  (SELECT 'index', x.oid, x.relnamespace, x.relname, h.oid
     FROM held h
     JOIN pg_catalog.pg_index i ON i.indrelid = h.oid
     JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid
    ORDER BY x.relpages DESC, x.oid
    LIMIT 100)
   UNION ALL
  (SELECT 'toast', t.oid, h.relnamespace, h.relname, h.oid
     FROM held h
     JOIN pg_catalog.pg_class t ON t.oid = h.reltoastrelid
    ORDER BY t.relpages DESC, t.oid
    LIMIT 50)
)
SELECT c.kind, n.nspname || '.' || c.relname AS subject,
       CASE WHEN c.kind = 'index' THEN pg_catalog.pg_relation_size(c.oid)
            ELSE pg_catalog.pg_total_relation_size(c.oid) END::float8 AS used,
       (SELECT pn.nspname || '.' || p.relname
          FROM pg_catalog.pg_class p JOIN pg_catalog.pg_namespace pn ON pn.oid = p.relnamespace
         WHERE p.oid = c.of) AS "of"
  FROM chosen c
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 ORDER BY 3 DESC, 1, 2
