-- An index on columns of a table: its columns as SQL, the index that serves them already, its name, its estimated size.
-- lane: slow
--
-- A column may be given as it is or as SQL quotes it. An index serves them already if it is valid and not partial and
-- its first keys are these columns in this order, with default operators and one sort direction. The name is that of an
-- invalid index with the same definition, which is left from an interrupted build, else a free one.
WITH target AS MATERIALIZED (
  SELECT c.oid, c.relname, c.relnamespace, c.relkind
    FROM pg_catalog.pg_class c WHERE c.oid = %(oid)s::bigint::oid
), key AS MATERIALIZED (
  SELECT w.at, w.given, a.*, pg_catalog.format_type(a.atttypid, a.atttypmod) AS type_name
    FROM pg_catalog.unnest(%(columns)s::text[]) WITH ORDINALITY w(given, at)
    LEFT JOIN LATERAL (
         SELECT x.attnum, x.attname, x.attlen, x.attgenerated, x.attcollation, x.atttypid, x.atttypmod
           FROM pg_catalog.pg_attribute x
          WHERE x.attrelid = %(oid)s::bigint::oid AND x.attnum > 0 AND NOT x.attisdropped
            AND w.given IN (pg_catalog.quote_ident(x.attname), x.attname::text)
          ORDER BY w.given = pg_catalog.quote_ident(x.attname) DESC LIMIT 1) a ON true
), wanted AS MATERIALIZED (
  SELECT pg_catalog.array_agg(k.attnum ORDER BY k.at)::int2[] AS keys, pg_catalog.count(*)::int AS width,
         pg_catalog.string_agg(k.attname, '_' ORDER BY k.at) AS joined
    FROM key k
), present AS MATERIALIZED (
  SELECT i.indexrelid AS oid, c.relname, m.amname, i.indnkeyatts, i.indnatts, i.indisvalid, i.indisunique, c.relkind,
         (i.indoption::int2[])[0:w.width - 1] AS options
    FROM wanted w
    JOIN pg_catalog.pg_index i ON i.indrelid = %(oid)s::bigint::oid AND i.indislive AND i.indnkeyatts >= w.width
     AND i.indpred IS NULL AND (i.indkey::int2[])[0:w.width - 1] = w.keys
    JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
    JOIN pg_catalog.pg_am m ON m.oid = c.relam
   WHERE NOT EXISTS (
         SELECT FROM key k LEFT JOIN pg_catalog.pg_opclass o ON o.oid = i.indclass[k.at - 1]
          WHERE o.opcdefault IS NOT TRUE OR i.indcollation[k.at - 1] NOT IN (0, k.attcollation))
), serving AS (
  SELECT p.relname FROM present p
   WHERE p.indisvalid AND CASE WHEN p.amname = 'btree' THEN %(method)s::text IN ('btree', 'hash')
                                 AND (0 = ALL (p.options) OR 3 = ALL (p.options))
                               ELSE p.amname = %(method)s::text AND p.indnkeyatts = (SELECT w.width FROM wanted w) END
   ORDER BY p.indnatts, p.relname LIMIT 1
), leftover AS (
  SELECT p.relname FROM present p
   WHERE NOT p.indisvalid AND p.relkind = 'i' AND p.amname = %(method)s::text AND NOT p.indisunique
     AND p.indnatts = (SELECT w.width FROM wanted w) AND 0 = ALL (p.options) AND p.relname !~ '_cc(new|old)\d*$'
   ORDER BY p.relname LIMIT 1
), stem AS (
  SELECT CASE WHEN pg_catalog.octet_length(s.long) <= 60 THEN s.long
              ELSE (SELECT pg_catalog.left(s.long, x) FROM pg_catalog.generate_series(51, 1, -1) x
                     WHERE pg_catalog.octet_length(pg_catalog.left(s.long, x)) <= 51 LIMIT 1)
                   || '_' || pg_catalog.left(pg_catalog.md5(s.long), 8) END AS name
    FROM (SELECT t.relname || '_' || w.joined || '_idx' AS long FROM target t CROSS JOIN wanted w) s
), free AS (
  SELECT s.name || coalesce(nullif(x, 0)::text, '') AS name
    FROM stem s CROSS JOIN pg_catalog.generate_series(0, 99) x
   WHERE NOT EXISTS (SELECT FROM target t JOIN pg_catalog.pg_class c ON c.relnamespace = t.relnamespace
                      WHERE c.relname = s.name || coalesce(nullif(x, 0)::text, ''))
   ORDER BY x LIMIT 1
), leaf AS (
  WITH RECURSIVE tree AS (
    SELECT t.oid FROM target t
    UNION ALL
    SELECT h.inhrelid FROM tree t JOIN pg_catalog.pg_class c ON c.oid = t.oid AND c.relkind = 'p'
      JOIN pg_catalog.pg_inherits h ON h.inhparent = t.oid
  )
  SELECT pg_catalog.sum(greatest(c.reltuples, 0))::float8 AS rows, pg_catalog.bool_or(c.reltuples < 0) AS unknown
    FROM tree t JOIN pg_catalog.pg_class c ON c.oid = t.oid AND c.relkind <> 'p'
), entry AS (
  -- 8 bytes of header, 4 of line pointer, the keys aligned to 8 bytes; a hash index keeps 4 bytes of each key
  SELECT 12 + 8 * pg_catalog.ceil(pg_catalog.sum(
           CASE WHEN %(method)s::text = 'hash' THEN 4 WHEN k.attlen > 0 THEN k.attlen ELSE coalesce(
             (SELECT pg_catalog.max(s.avg_width) FROM pg_catalog.pg_stats s JOIN target t ON s.tablename = t.relname
                JOIN pg_catalog.pg_namespace n ON n.oid = t.relnamespace AND n.nspname = s.schemaname
               WHERE s.attname = k.attname), 32) END) / 8.0)::float8 AS bytes
    FROM key k
)
SELECT (SELECT pg_catalog.string_agg(pg_catalog.quote_ident(k.attname), ', ' ORDER BY k.at) FROM key k) AS columns,
       (SELECT pg_catalog.string_agg(k.given, ', ' ORDER BY k.at) FROM key k WHERE k.attnum IS NULL) AS missing,
       (SELECT pg_catalog.count(*) > pg_catalog.count(DISTINCT k.attnum) FROM key k) AS repeated,
       (SELECT pg_catalog.string_agg(k.attname, ', ' ORDER BY k.at) FROM key k WHERE k.attgenerated = 'v') AS computed,
       (SELECT pg_catalog.jsonb_object_agg(k.attname, k.type_name) FROM key k
         WHERE k.attnum IS NOT NULL
           AND NOT EXISTS (SELECT FROM pg_catalog.pg_constraint f
                            WHERE f.conrelid = %(oid)s::bigint::oid AND f.contype = 'f' AND k.attnum = ANY (f.conkey))
       ) AS unbounded,
       (SELECT s.relname::text FROM serving s) AS serving,
       coalesce((SELECT l.relname::text FROM leftover l), (SELECT f.name FROM free f)) AS name,
       CASE WHEN l.unknown OR %(method)s::text NOT IN ('btree', 'hash') THEN NULL ELSE
         (l.rows * e.bytes / CASE WHEN %(method)s::text = 'hash' THEN 0.75 ELSE 0.9 END)::bigint END AS bytes
  FROM leaf l CROSS JOIN entry e
