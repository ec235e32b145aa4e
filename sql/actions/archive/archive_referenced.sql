-- Partitions that a foreign key keeps from being detached: rows of another table refer to rows of them.
-- lane: slow
--
-- Of each partition one foreign key is named. Keys that this role could not read, or only by code of another role, are
-- not checked: `checked` is then false.
WITH piece AS MATERIALIZED (
  SELECT c.oid, pg_catalog.format('%%I.%%I', n.nspname, c.relname) AS name
    FROM pg_catalog.unnest(%(oids)s::bigint[]) w(oid)
    JOIN pg_catalog.pg_class c ON c.oid = w.oid::oid
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
), reference AS MATERIALIZED (
  SELECT x.oid, x.conname, f.relkind, pg_catalog.format('%%I.%%I', m.nspname, f.relname) AS child, k.same,
         k.plain AND pg_catalog.has_table_privilege(f.oid, 'SELECT') AND NOT pg_catalog.row_security_active(f.oid)
         AND pg_catalog.has_schema_privilege(m.oid, 'USAGE')
         AND pg_catalog.format('%%I.%%I', m.nspname, f.relname) <> ALL (%(skipped)s::text[]) AS checked
    FROM pg_catalog.pg_constraint x
    JOIN pg_catalog.pg_class f ON f.oid = x.conrelid
    JOIN pg_catalog.pg_namespace m ON m.oid = f.relnamespace
   CROSS JOIN LATERAL (
        SELECT pg_catalog.string_agg(pg_catalog.format('piece.%%I OPERATOR(%%I.%%s) child.%%I', b.attname, s.nspname,
                                                       o.oprname, a.attname), ' AND ') AS same,
               pg_catalog.bool_and(s.nspname = 'pg_catalog') AS plain
          FROM ROWS FROM (pg_catalog.unnest(x.conkey), pg_catalog.unnest(x.confkey), pg_catalog.unnest(x.conpfeqop))
               w(own, theirs, operator)
          JOIN pg_catalog.pg_attribute a ON a.attrelid = x.conrelid AND a.attnum = w.own
          JOIN pg_catalog.pg_attribute b ON b.attrelid = x.confrelid AND b.attnum = w.theirs
          JOIN pg_catalog.pg_operator o ON o.oid = w.operator
          JOIN pg_catalog.pg_namespace s ON s.oid = o.oprnamespace) k
   WHERE x.confrelid = %(origin)s::bigint::oid AND x.contype = 'f'
     AND NOT EXISTS (SELECT FROM pg_catalog.pg_constraint u WHERE u.oid = x.conparentid AND u.confrelid = x.confrelid)
     AND pg_catalog.strpos(pg_catalog.pg_get_constraintdef(x.oid), ' NOT ENFORCED') = 0
)
SELECT DISTINCT ON (p.oid, r.checked) p.oid::bigint AS oid, r.child, r.conname::text AS key, r.checked
  FROM piece p
 CROSS JOIN reference r
  LEFT JOIN LATERAL (  -- ts_stat runs a query that is given as text
       SELECT true AS found FROM pg_catalog.ts_stat(pg_catalog.format(
         'SELECT pg_catalog.array_to_tsvector(ARRAY[''row''::text]) FROM %%s%%s child WHERE EXISTS '
         '(SELECT FROM %%s piece WHERE %%s) LIMIT 1',
         CASE r.relkind WHEN 'r' THEN 'ONLY ' END, r.child, p.name, r.same)) LIMIT 1) f ON r.checked
 WHERE f.found OR NOT r.checked
 ORDER BY p.oid, r.checked, r.child, r.conname
