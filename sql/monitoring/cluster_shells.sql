-- Which of some relations are empty shells here, because a Citus cluster keeps their rows in shards.
-- extension: citus
--
-- Tables, their indexes and TOAST tables, and foreign keys of such tables. It asks no other node.
SELECT w.oid, true AS shell
  FROM pg_catalog.unnest(%(oid)s::bigint[]) w(oid)
 WHERE EXISTS (
       SELECT FROM pg_catalog.pg_dist_partition d
        WHERE d.logicalrelid = w.oid::oid
           OR d.logicalrelid = (SELECT i.indrelid FROM pg_catalog.pg_index i WHERE i.indexrelid = w.oid::oid)
           OR d.logicalrelid = (SELECT t.oid FROM pg_catalog.pg_class t WHERE t.reltoastrelid = w.oid::oid LIMIT 1)
           OR d.logicalrelid = (SELECT k.conrelid FROM pg_catalog.pg_constraint k
                                 WHERE k.oid = w.oid::oid AND k.contype = 'f'))
