-- Partitions that a foreign key keeps from being detached, and rows that it keeps from being moved in batches: rows of
-- another table refer to them.
-- lane: slow
--
-- Of each whole partition one foreign key is named. Where a piece is moved in batches, `inside` is true for the rows to
-- which nothing refers; `rows`, `first` and `last` are of those in the time asked for, `held` are the others of that
-- time. Keys that this role could not read, or only by code of another role, are not checked: `checked` is then false.
WITH piece AS MATERIALIZED (
  SELECT c.oid, pg_catalog.format('%%I.%%I', n.nspname, c.relname) AS name, w.batches,
         pg_catalog.concat_ws(' AND ', pg_catalog.format('%%I >= ', %(key)s::text)
                              || pg_catalog.quote_literal(%(lower)s::text),
                              pg_catalog.format('%%I < ', %(key)s::text)
                                  || pg_catalog.quote_literal(%(upper)s::text)) AS asked
    FROM ROWS FROM (pg_catalog.unnest(%(oids)s::bigint[]), pg_catalog.unnest(%(batches)s::bool[])) w(oid, batches)
    JOIN pg_catalog.pg_class c ON c.oid = w.oid::oid AND c.relkind IN ('r', 'p')
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
), reference AS MATERIALIZED (
  SELECT p.oid AS piece, x.conname, k.same, pg_catalog.format('%%I.%%I', m.nspname, f.relname) AS child,
         pg_catalog.format('%%s%%I.%%I child', CASE f.relkind WHEN 'r' THEN 'ONLY ' END, m.nspname, f.relname)
           AS source,
         k.plain AND pg_catalog.has_table_privilege(f.oid, 'SELECT') AND NOT pg_catalog.row_security_active(f.oid)
         AND pg_catalog.has_schema_privilege(m.oid, 'USAGE')
         AND pg_catalog.format('%%I.%%I', m.nspname, f.relname) <> ALL (%(skipped)s::text[]) AS checked
    FROM piece p
    JOIN pg_catalog.pg_constraint x
      ON x.confrelid = %(origin)s::bigint::oid OR (p.batches AND x.confrelid = p.oid AND x.conparentid = 0)
    JOIN pg_catalog.pg_class f ON f.oid = x.conrelid
    JOIN pg_catalog.pg_namespace m ON m.oid = f.relnamespace
   CROSS JOIN LATERAL (
        SELECT pg_catalog.string_agg(pg_catalog.format('%%s.%%I OPERATOR(%%I.%%s) child.%%I', p.name, b.attname,
                                                       s.nspname, o.oprname, a.attname), ' AND ') AS same,
               pg_catalog.bool_and(s.nspname = 'pg_catalog') AS plain
          FROM ROWS FROM (pg_catalog.unnest(x.conkey), pg_catalog.unnest(x.confkey), pg_catalog.unnest(x.conpfeqop))
               w(own, theirs, operator)
          JOIN pg_catalog.pg_attribute a ON a.attrelid = x.conrelid AND a.attnum = w.own
          JOIN pg_catalog.pg_attribute b ON b.attrelid = x.confrelid AND b.attnum = w.theirs
          JOIN pg_catalog.pg_operator o ON o.oid = w.operator
          JOIN pg_catalog.pg_namespace s ON s.oid = o.oprnamespace) k
   WHERE x.contype = 'f'
     AND NOT EXISTS (SELECT FROM pg_catalog.pg_constraint u WHERE u.oid = x.conparentid AND u.confrelid = x.confrelid)
     AND pg_catalog.strpos(pg_catalog.pg_get_constraintdef(x.oid), ' NOT ENFORCED') = 0
), free AS MATERIALIZED (
  SELECT p.oid, p.name, p.asked, pg_catalog.string_agg(DISTINCT r.child, ', ') AS children,
         pg_catalog.string_agg(DISTINCT r.conname::text, ', ') AS keys,
         pg_catalog.string_agg(pg_catalog.format('NOT EXISTS (SELECT FROM %%s WHERE %%s)', r.source, r.same), ' AND ')
           AS inside
    FROM piece p JOIN reference r ON r.piece = p.oid
   WHERE p.batches AND r.checked
   GROUP BY p.oid, p.name, p.asked
)
(SELECT DISTINCT ON (p.oid, r.checked) p.oid::bigint AS oid, p.batches, r.child, r.conname::text AS key, r.checked,
        NULL AS inside, NULL::bigint AS rows, NULL::bigint AS held, NULL AS first, NULL AS last
   FROM piece p
   JOIN reference r ON r.piece = p.oid
   LEFT JOIN LATERAL (  -- ts_stat runs a query that is given as text
        SELECT true AS found FROM pg_catalog.ts_stat(pg_catalog.format(
          'SELECT pg_catalog.array_to_tsvector(ARRAY[''row''::text]) FROM %%s WHERE EXISTS '
          '(SELECT FROM %%s WHERE %%s) LIMIT 1', r.source, p.name, r.same)) LIMIT 1) f ON r.checked AND NOT p.batches
  WHERE f.found OR NOT r.checked
  ORDER BY p.oid, r.checked, r.child, r.conname)
UNION ALL
SELECT c.oid::bigint, true, c.children, c.keys, true, c.inside, f.rows, f.held, f.first, f.last
  FROM free c
 CROSS JOIN LATERAL (
       SELECT pg_catalog.max(pg_catalog.substr(t.word, 3)) FILTER (WHERE t.word LIKE 'n:%%')::bigint AS rows,
              pg_catalog.max(pg_catalog.substr(t.word, 3)) FILTER (WHERE t.word LIKE 'h:%%')::bigint AS held,
              pg_catalog.max(pg_catalog.substr(t.word, 3)) FILTER (WHERE t.word LIKE 'a:%%') AS first,
              pg_catalog.max(pg_catalog.substr(t.word, 3)) FILTER (WHERE t.word LIKE 'z:%%') AS last
         FROM pg_catalog.ts_stat(pg_catalog.format(
           'SELECT pg_catalog.array_to_tsvector(ARRAY['
           '''n:'' || pg_catalog.count(*), '
           '''h:'' || (SELECT pg_catalog.count(*) FROM ONLY %%s WHERE %%s) - pg_catalog.count(*), '
           '''a:'' || coalesce(pg_catalog.min(%%I)::date::text, ''''), '
           '''z:'' || coalesce(pg_catalog.max(%%I)::date::text, '''')]) FROM ONLY %%s WHERE %%s AND %%s',
           c.name, c.asked, %(key)s::text, %(key)s::text, c.name, c.asked, c.inside)) t) f
 WHERE f.held > 0
 ORDER BY oid, checked
