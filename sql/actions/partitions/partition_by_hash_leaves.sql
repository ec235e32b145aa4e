-- The partitions of a table to be partitioned by hash: one for each remainder.
--
-- `made`: it exists already; `occupied`: another object has the name and is not dropped before.
WITH t AS MATERIALIZED (
  SELECT c.oid, c.relnamespace, n.nspname,
         (SELECT pg_catalog.left(c.relname, i) FROM pg_catalog.generate_series(50, 1, -1) i
           WHERE pg_catalog.octet_length(pg_catalog.left(c.relname, i)) <= 52 LIMIT 1) AS stem
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
   WHERE c.oid = %(oid)s::bigint::oid
), leaf AS (
  SELECT r, t.stem || '_h' || pg_catalog.lpad(r::text, 2, '0') AS relname, t.relnamespace, t.nspname
    FROM t, pg_catalog.generate_series(0, %(modulus)s::integer - 1) r
)
SELECT pg_catalog.format('%%I.%%I', l.nspname, l.relname) AS name, %(modulus)s::integer::text AS lower,
       l.r::text AS upper,
       h.inhparent = %(made)s::bigint::oid IS TRUE AS made,
       h.inhrelid IS NULL AND (c.oid IS NOT NULL OR EXISTS (
         SELECT FROM pg_catalog.pg_type y WHERE y.typnamespace = l.relnamespace AND y.typname = l.relname
             AND y.typelem = 0)) AS occupied
  FROM leaf l
  LEFT JOIN pg_catalog.pg_class c ON c.relnamespace = l.relnamespace AND c.relname = l.relname
  LEFT JOIN pg_catalog.pg_inherits h ON h.inhrelid = c.oid
   AND h.inhparent IN (%(made)s::bigint::oid, %(dropped)s::bigint::oid)
 ORDER BY l.r
