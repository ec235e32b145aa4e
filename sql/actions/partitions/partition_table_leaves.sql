-- The monthly partitions of a table to be partitioned, for a time range, with bounds at midnight UTC.
--
-- Names are those that create-partitions uses. `made`: it exists already; `occupied`: another object has the name and
-- is not dropped before.
WITH t AS MATERIALIZED (
  SELECT c.oid, c.relnamespace, n.nspname,
         (SELECT pg_catalog.left(c.relname, i) FROM pg_catalog.generate_series(50, 1, -1) i
           WHERE pg_catalog.octet_length(pg_catalog.left(c.relname, i)) <= 52 LIMIT 1) AS stem
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
   WHERE c.oid = %(oid)s::bigint::oid
), month AS (
  SELECT m, m + interval '1 month' AS after,
         pg_catalog.format('%%I.%%I', t.nspname, t.stem || pg_catalog.to_char(m, '"_"YYYY_MM')) AS name,
         t.stem || pg_catalog.to_char(m, '"_"YYYY_MM') AS relname, t.relnamespace,
         CASE %(key_type)s WHEN 'date' THEN 'YYYY-MM-DD' WHEN 'timestamp' THEN 'YYYY-MM-DD HH24:MI:SS'
                           ELSE 'YYYY-MM-DD HH24:MI:SS"+00"' END AS form
    FROM t, pg_catalog.generate_series(pg_catalog.date_trunc('month', %(first)s::timestamp),
                                       pg_catalog.date_trunc('month', %(last)s::timestamp), interval '1 month') m
)
SELECT m.name, pg_catalog.to_char(m.m, m.form) AS lower, pg_catalog.to_char(m.after, m.form) AS upper,
       h.inhparent IS NOT DISTINCT FROM %(made)s::bigint::oid AND h.inhparent IS NOT NULL AS made,
       h.inhrelid IS NULL AND (c.oid IS NOT NULL OR EXISTS (
         SELECT FROM pg_catalog.pg_type y WHERE y.typnamespace = m.relnamespace AND y.typname = m.relname
             AND y.typelem = 0)) AS occupied
  FROM month m
  LEFT JOIN pg_catalog.pg_class c ON c.relnamespace = m.relnamespace AND c.relname = m.relname
  LEFT JOIN pg_catalog.pg_inherits h ON h.inhrelid = c.oid
   AND h.inhparent IN (%(made)s::bigint::oid, %(dropped)s::bigint::oid)
 ORDER BY m.m
