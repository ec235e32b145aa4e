-- Exact sizes of some tables. A table in the hands of an ACCESS EXCLUSIVE lock, or of one that waits, is left out.
-- lane: slow
WITH locked AS MATERIALIZED (
  SELECT DISTINCT l.relation FROM pg_catalog.pg_locks l
   WHERE l.mode = 'AccessExclusiveLock' AND l.locktype = 'relation'
)
SELECT c.oid::bigint AS oid,
       CASE WHEN l.relation IS NULL THEN pg_catalog.pg_relation_size(c.oid) END AS exact_size,
       CASE WHEN l.relation IS NULL THEN coalesce(pg_catalog.pg_relation_size(nullif(c.reltoastrelid, 0)), 0)
            END AS toast_size,
       CASE WHEN l.relation IS NULL THEN pg_catalog.pg_total_relation_size(c.oid) END AS total_size
  FROM pg_catalog.unnest(%(oid)s::bigint[]) w(oid)
  JOIN pg_catalog.pg_class c ON c.oid = w.oid::oid
  LEFT JOIN locked l ON l.relation IN (c.oid, c.reltoastrelid)
       OR l.relation IN (SELECT i.indexrelid FROM pg_catalog.pg_index i WHERE i.indrelid IN (c.oid, c.reltoastrelid))
