-- What must change before a table can be distributed or become a reference table, and what to know of it.
-- extension: citus
WITH wanted AS MATERIALIZED (
  SELECT c.oid, pg_catalog.format('%%I.%%I', n.nspname, c.relname) AS name, a.attnum, a.attname::text AS attname,
         %(colocation)s::bigint AS colocation
    FROM pg_catalog.pg_class c
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attname = %(column)s::text AND a.attnum > 0
     AND NOT a.attisdropped
   WHERE c.oid = %(oid)s::bigint
), @distribution_obstacles@
SELECT o.blocks, o.sentence, o.remedy FROM obstacle o ORDER BY o.blocks DESC, o.rank, o.sentence LIMIT 100
