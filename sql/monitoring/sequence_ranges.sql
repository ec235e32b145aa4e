-- Sequences that have used half of their range or of the integer type of their column; how many this role cannot read.
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
  SELECT s.*, t.relname AS table_name, a.attname, pg_catalog.format_type(a.atttypid, NULL) AS type,
         least(s.seqmax, CASE a.atttypid WHEN 21 THEN 32767 WHEN 23 THEN 2147483647 END) AS last_possible
    FROM sequence s
    LEFT JOIN pg_catalog.pg_depend d ON d.classid = 1259 AND d.objid = s.seqrelid AND d.refclassid = 1259
          AND d.refobjsubid > 0 AND d.deptype IN ('a', 'i')
    LEFT JOIN pg_catalog.pg_class t ON t.oid = d.refobjid
    LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
), counted AS (
  SELECT o.*, CASE WHEN o.readable THEN pg_catalog.pg_sequence_last_value(o.seqrelid) END AS last_value FROM owned o
)
SELECT c.seqrelid::bigint AS oid, c.name AS sequence, c.table_name || '.' || c.attname AS "column", c.type,
       c.last_value, c.last_possible,
       100.0::float8 * c.last_value / nullif(c.last_possible, 0) AS used_pct, 0::bigint AS hidden
  FROM counted c
 WHERE c.last_value >= 0.5::float8 * c.last_possible
 UNION ALL
SELECT NULL, NULL, NULL, NULL, NULL, NULL, NULL, pg_catalog.count(*) FROM sequence s WHERE NOT s.readable
 ORDER BY 7 DESC NULLS LAST
