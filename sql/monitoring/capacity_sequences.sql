-- The 100 sequences that have used most of their range or of the integer type of their column.
-- One row more counts the sequences that this role cannot read.
-- lane: slow
-- grant: pg_read_all_data
WITH sequence AS MATERIALIZED (
  SELECT q.seqrelid, n.nspname || '.' || c.relname AS name, q.seqmax, q.seqmin,
         pg_catalog.has_sequence_privilege(c.oid, 'SELECT, USAGE') AS readable
    FROM pg_catalog.pg_sequence q
    JOIN pg_catalog.pg_class c ON c.oid = q.seqrelid AND c.relpersistence <> 't'
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
   WHERE NOT q.seqcycle AND q.seqincrement > 0
   ORDER BY q.seqrelid
   LIMIT 5000
), owned AS (
  SELECT s.seqrelid, s.name,
         least(s.seqmax, CASE a.atttypid WHEN 21 THEN 32767 WHEN 23 THEN 2147483647 END)::float8 AS last_possible
    FROM sequence s
    LEFT JOIN pg_catalog.pg_depend d ON d.classid = 1259 AND d.objid = s.seqrelid AND d.refclassid = 1259
          AND d.refobjsubid > 0 AND d.deptype IN ('a', 'i')
    LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
   WHERE s.readable
), counted AS (
  SELECT o.*, pg_catalog.pg_sequence_last_value(o.seqrelid)::float8 AS last_value FROM owned o
)
(SELECT 'sequence' AS kind, c.name AS subject, coalesce(c.last_value, 0) AS used, c.last_possible AS "limit"
   FROM counted c
  ORDER BY coalesce(c.last_value, 0) / c.last_possible DESC, 2
  LIMIT 100)
UNION ALL
SELECT 'hidden', 'sequences', pg_catalog.count(*), NULL FROM sequence s WHERE NOT s.readable
HAVING pg_catalog.count(*) > 0
