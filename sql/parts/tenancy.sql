-- The column by which most tables refer to one common table, that of the tenants, as CTEs that end with `tenancy`.
reference AS MATERIALIZED (
  SELECT k.conrelid, k.confrelid, k.confkey[1] AS confkey, a.attname, a.atttypid
    FROM pg_catalog.pg_constraint k
    JOIN pg_catalog.pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = k.conkey[1]
   WHERE k.contype = 'f' AND k.connamespace <> 11 AND pg_catalog.array_length(k.conkey, 1) = 1 AND k.conparentid = 0
       AND k.conrelid <> k.confrelid
), tenancy AS MATERIALIZED (
  SELECT r.confrelid, pg_catalog.min(r.confkey) AS confkey, r.attname, r.atttypid
    FROM reference r
   GROUP BY r.confrelid, r.attname, r.atttypid
  HAVING pg_catalog.count(DISTINCT r.conrelid) > 1
   ORDER BY pg_catalog.count(DISTINCT r.conrelid) DESC, r.confrelid, r.attname
   LIMIT 1
)
