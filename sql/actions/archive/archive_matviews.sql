-- Materialized views that read a table, directly or through other views, and the oldest date that each holds.
-- lane: slow
--
-- `still` is false where every date of the view is from `upper` on, so that it reads none of the older rows. A view
-- without a date, one that was never filled, and one that this role may not read without code of another role, may read
-- them: `oldest` is then null. Without `read` no view is read.
WITH RECURSIVE reader AS (
  SELECT %(origin)s::bigint::oid AS oid, 'p'::"char" AS relkind
  UNION
  SELECT c.oid, c.relkind
    FROM reader s
    JOIN pg_catalog.pg_depend d ON d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjid = s.oid
     AND d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass
    JOIN pg_catalog.pg_rewrite r ON r.oid = d.objid
    JOIN pg_catalog.pg_class c ON c.oid = r.ev_class AND c.relkind IN ('v', 'm')
), matview AS MATERIALIZED (
  SELECT c.oid, pg_catalog.format('%%I.%%I', n.nspname, c.relname) AS name,
         %(read)s::bool AND c.relispopulated AND pg_catalog.has_table_privilege(c.oid, 'SELECT')
         AND pg_catalog.has_schema_privilege(n.oid, 'USAGE')
         AND pg_catalog.format('%%I.%%I', n.nspname, c.relname) <> ALL (%(skipped)s::text[]) AS readable
    FROM reader s
    JOIN pg_catalog.pg_class c ON c.oid = s.oid AND c.relkind = 'm'
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
), held AS (
  SELECT m.oid, f.oldest
    FROM matview m
    JOIN pg_catalog.pg_attribute a ON a.attrelid = m.oid AND a.attnum > 0 AND NOT a.attisdropped
     AND a.atttypid IN ('date'::pg_catalog.regtype, 'timestamptz'::pg_catalog.regtype,
                        'timestamp'::pg_catalog.regtype)
   CROSS JOIN LATERAL (  -- ts_stat runs a query that is given as text
         SELECT nullif(pg_catalog.max(pg_catalog.substr(t.word, 3)), '')::timestamp AS oldest
           FROM pg_catalog.ts_stat(pg_catalog.format(
             'SELECT pg_catalog.array_to_tsvector(ARRAY[''a:'' || coalesce(pg_catalog.min(%%I)::timestamp::text, '
             ''''')]) FROM %%s WHERE pg_catalog.isfinite(%%I)', a.attname, m.name, a.attname)) t) f
   WHERE m.readable
)
SELECT m.name, pg_catalog.min(h.oldest)::date::text AS oldest,
       coalesce(pg_catalog.min(h.oldest) < %(upper)s::timestamp, true) AS still
  FROM matview m LEFT JOIN held h ON h.oid = m.oid
 GROUP BY m.name
 ORDER BY m.name
