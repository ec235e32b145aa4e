-- Exact sizes of some indexes. An index in the hands of an ACCESS EXCLUSIVE lock, or of one that waits, is left out.
-- lane: slow
SELECT c.oid::bigint AS oid,
       CASE WHEN NOT EXISTS (SELECT FROM pg_catalog.pg_locks l
                              WHERE l.mode = 'AccessExclusiveLock' AND l.locktype = 'relation' AND l.relation = c.oid)
            THEN pg_catalog.pg_relation_size(c.oid) END AS exact_size
  FROM pg_catalog.unnest(%(oid)s::bigint[]) w(oid)
  JOIN pg_catalog.pg_class c ON c.oid = w.oid::oid
