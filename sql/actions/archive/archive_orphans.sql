-- Rows of each piece that refer to rows which no longer exist, by the foreign keys of the table that is to take them.
-- lane: slow
--
-- `inside` is true for rows with all their parents. `rows`, `first` and `last` are of those in the time asked for;
-- `orphans` are all others of the piece, or of that time where it is moved in batches; there, `kept` is the condition
-- of the rows to which no others refer. Keys that are already validated
-- on the piece are skipped, and those that this role could only read by code of another role.
WITH piece AS MATERIALIZED (
  SELECT c.oid, pg_catalog.format('%%I.%%I', n.nspname, c.relname) AS name, w.batches,
         pg_catalog.concat_ws(' AND ', pg_catalog.format('%%I >= ', %(key)s::text)
                              || pg_catalog.quote_literal(%(lower)s::text),
                              pg_catalog.format('%%I < ', %(key)s::text)
                                  || pg_catalog.quote_literal(%(upper)s::text)) AS asked,
         coalesce(nullif(w.kept, ''), 'true') AS free
    FROM ROWS FROM (pg_catalog.unnest(%(oids)s::bigint[]), pg_catalog.unnest(%(batches)s::bool[]),
                    pg_catalog.unnest(%(kept)s::text[])) w(oid, batches, kept)
    JOIN pg_catalog.pg_class c ON c.oid = w.oid::oid AND c.relkind IN ('r', 'p')
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
), reference AS MATERIALIZED (
  SELECT p.oid, f.oid AS referenced, pg_catalog.format('%%I.%%I', m.nspname, f.relname) AS parent,
         pg_catalog.format('(%%s OR EXISTS (SELECT FROM %%s%%I.%%I parent WHERE %%s))',
           CASE x.confmatchtype WHEN 'f' THEN '(' || k.nulls_all || ')' ELSE '(' || k.nulls_any || ')' END,
           CASE f.relkind WHEN 'r' THEN 'ONLY ' END, m.nspname, f.relname, k.same) AS kept
    FROM piece p
    JOIN pg_catalog.pg_constraint x ON x.conrelid = %(target)s::bigint::oid AND x.contype = 'f'
     AND NOT EXISTS (SELECT FROM pg_catalog.pg_constraint u WHERE u.oid = x.conparentid AND u.conrelid = x.conrelid)
     AND pg_catalog.strpos(pg_catalog.pg_get_constraintdef(x.oid), ' NOT ENFORCED') = 0
    JOIN pg_catalog.pg_class f ON f.oid = x.confrelid
    JOIN pg_catalog.pg_namespace m ON m.oid = f.relnamespace
   CROSS JOIN LATERAL (
        SELECT pg_catalog.string_agg(pg_catalog.format('%%s.%%I IS NULL', p.name, a.attname), ' OR ') AS nulls_any,
               pg_catalog.string_agg(pg_catalog.format('%%s.%%I IS NULL', p.name, a.attname), ' AND ') AS nulls_all,
               pg_catalog.string_agg(pg_catalog.format('parent.%%I OPERATOR(%%I.%%s) %%s.%%I', b.attname, s.nspname,
                                                       o.oprname, p.name, a.attname), ' AND ') AS same,
               pg_catalog.bool_and(s.nspname = 'pg_catalog') AS plain
          FROM ROWS FROM (pg_catalog.unnest(x.conkey), pg_catalog.unnest(x.confkey), pg_catalog.unnest(x.conpfeqop))
               w(own, theirs, operator)
          JOIN pg_catalog.pg_attribute a ON a.attrelid = x.conrelid AND a.attnum = w.own
          JOIN pg_catalog.pg_attribute b ON b.attrelid = x.confrelid AND b.attnum = w.theirs
          JOIN pg_catalog.pg_operator o ON o.oid = w.operator
          JOIN pg_catalog.pg_namespace s ON s.oid = o.oprnamespace) k
   WHERE k.plain AND pg_catalog.has_table_privilege(f.oid, 'SELECT') AND NOT pg_catalog.row_security_active(f.oid)
     AND pg_catalog.has_schema_privilege(m.oid, 'USAGE') AND pg_catalog.has_table_privilege(p.oid, 'SELECT')
     AND pg_catalog.format('%%I.%%I', m.nspname, f.relname) <> ALL (%(skipped)s::text[])
     AND NOT EXISTS (
         SELECT FROM pg_catalog.pg_constraint y
          WHERE y.conrelid = p.oid AND y.contype = 'f' AND y.convalidated
            AND pg_catalog.pg_get_constraintdef(y.oid)
                = pg_catalog.regexp_replace(pg_catalog.pg_get_constraintdef(x.oid), ' NOT VALID$', ''))
), checked AS MATERIALIZED (
  SELECT p.oid, p.name, p.batches, p.asked, p.free, pg_catalog.string_agg(r.kept, ' AND ') AS kept,
         pg_catalog.string_agg(DISTINCT r.parent, ', ') AS parents
    FROM piece p JOIN reference r ON r.oid = p.oid
   GROUP BY p.oid, p.name, p.batches, p.asked, p.free
)
SELECT c.oid::bigint AS oid, c.parents, c.kept AS inside, f.rows, f.orphans, f.first, f.last
  FROM checked c
 CROSS JOIN LATERAL (  -- ts_stat runs a query that is given as text
       SELECT pg_catalog.max(pg_catalog.substr(t.word, 3)) FILTER (WHERE t.word LIKE 'n:%%')::bigint AS rows,
              pg_catalog.max(pg_catalog.substr(t.word, 3)) FILTER (WHERE t.word LIKE 'o:%%')::bigint AS orphans,
              pg_catalog.max(pg_catalog.substr(t.word, 3)) FILTER (WHERE t.word LIKE 'a:%%') AS first,
              pg_catalog.max(pg_catalog.substr(t.word, 3)) FILTER (WHERE t.word LIKE 'z:%%') AS last
         FROM pg_catalog.ts_stat(pg_catalog.format(
           'SELECT pg_catalog.array_to_tsvector(ARRAY['
           '''n:'' || pg_catalog.count(*) FILTER (WHERE kept AND asked), '
           '''o:'' || pg_catalog.count(*) FILTER (WHERE NOT kept%%s), '
           '''a:'' || coalesce(pg_catalog.min(day) FILTER (WHERE kept AND asked)::text, ''''), '
           '''z:'' || coalesce(pg_catalog.max(day) FILTER (WHERE kept AND asked)::text, '''')]) '
           'FROM (SELECT %%I::date AS day, (%%s) IS TRUE AS kept, (%%s) IS TRUE AS asked FROM %%s WHERE %%s) x',
           CASE WHEN c.batches THEN ' AND asked' END, %(key)s::text, c.kept, c.asked, c.name, c.free)) t) f
 WHERE f.orphans > 0
 ORDER BY c.name
