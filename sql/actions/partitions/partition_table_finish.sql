-- Statements after the swap: foreign keys validated and added to the parent, both tables compared.
-- lane: slow
WITH t AS MATERIALIZED (
  SELECT %(name)s::text AS name, %(old)s::text AS old,
         pg_catalog.format('SET LOCAL lock_timeout = ''%%sms''', %(patience)s::integer) AS patience
), reference AS MATERIALIZED (
  SELECT k.oid, k.conname, pg_catalog.pg_get_constraintdef(k.oid) AS whole,
         coalesce((SELECT o.definition FROM ROWS FROM (pg_catalog.unnest(%(own_keys)s::text[]),
                                                       pg_catalog.unnest(%(own_definitions)s::text[])) o(name,
                                                             definition)
                     WHERE o.name = k.conname),
                   pg_catalog.regexp_replace(pg_catalog.pg_get_constraintdef(k.oid), ' NOT VALID$', '')) AS definition,
         pg_catalog.format('%%I.%%I', n.nspname, c.relname) AS name,
         pg_catalog.has_table_privilege(c.oid, 'UPDATE, DELETE, TRUNCATE') AS lockable
    FROM pg_catalog.pg_constraint k JOIN pg_catalog.pg_class c ON c.oid = k.confrelid
      JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
   WHERE k.conrelid = %(source)s::bigint::oid AND k.contype = 'f' AND k.conparentid = 0
), leaf AS MATERIALIZED (
  SELECT l.name, pg_catalog.string_agg(pg_catalog.format('VALIDATE CONSTRAINT %%I', r.conname), ', ' ORDER BY r.oid)
         AS keys,
         pg_catalog.string_agg(DISTINCT 'ROW SHARE on ' || r.name, ', ') AS locks
    FROM pg_catalog.unnest(%(leaves)s::text[]) l(name) CROSS JOIN reference r
   WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_constraint k WHERE k.conrelid = pg_catalog.to_regclass(l.name)
                     AND k.conname = r.conname AND k.convalidated)
     AND (pg_catalog.to_regclass(l.name) IS NULL OR NOT %(swapped)s
          OR EXISTS (SELECT FROM pg_catalog.pg_constraint k WHERE k.conrelid = pg_catalog.to_regclass(l.name)
                     AND k.conname = r.conname))
   GROUP BY l.name
), field AS (
  SELECT pg_catalog.string_agg(CASE WHEN a.atttypid IN (16, 17, 18, 19, 20, 21, 23, 25, 26, 700, 701, 869, 1042, 1043,
                                                        1082, 1083, 1114, 1184,
                                                        1186, 1266, 1700, 2950, 3802)
                                                            THEN pg_catalog.quote_ident(a.attname)
                                    ELSE pg_catalog.format('CASE WHEN pg_catalog.num_nulls(%%1$I) = 0 THEN '
                                                           'pg_catalog.format(''%%%%s'', %%1$I) END', a.attname)
                               END, ', ' ORDER BY a.attnum) AS hashed
    FROM pg_catalog.pg_attribute a WHERE a.attrelid = %(kept)s::bigint::oid AND a.attnum > 0 AND NOT a.attisdropped
      AND a.attgenerated = ''
), handle AS (
  SELECT pg_catalog.string_agg(pg_catalog.quote_ident(h.name), ', ' ORDER BY h.n) AS names
    FROM pg_catalog.unnest(%(handle)s::text[]) WITH ORDINALITY h(name, n)
), step AS (
  SELECT 1 AS ordinal, l.name AS what, pg_catalog.format('ALTER TABLE %%s %%s', l.name, l.keys) AS sql,
         'SHARE UPDATE EXCLUSIVE on ' || l.name || ', ' || l.locks AS lock, l.name AS "on", false AS transaction,
         3::float8 AS lock_timeout, '' AS "group",
         'validates foreign keys without blocking reads or writes' AS note, NULL AS holds_up
    FROM leaf l
  UNION ALL
  SELECT 2, r.conname, pg_catalog.concat_ws(E';\n', t.patience, CASE WHEN r.lockable
                                            THEN pg_catalog.format('LOCK TABLE %%s IN ACCESS EXCLUSIVE MODE', r.name)
                                                END,
           pg_catalog.format('ALTER TABLE %%s ADD CONSTRAINT %%I %%s', t.name, r.conname, r.definition)),
         pg_catalog.format('ACCESS EXCLUSIVE on %%s, SHARE ROW EXCLUSIVE on %%s', r.name, t.name), t.name, true, NULL,
         'key ' || r.oid,
         'merges with the foreign keys of the partitions; no scan',
         pg_catalog.format('sessions using %%s and writers of %%s', r.name, t.name)
    FROM t, reference r
  UNION ALL
  SELECT 3, '', pg_catalog.format('DO %%L', pg_catalog.format(
           E'#variable_conflict use_column\nDECLARE\n  found record;\nBEGIN\n'
           '  SELECT pg_catalog.count(*) FILTER (WHERE o.pipeline_console_hash IS NOT NULL AND n.pipeline_console_hash '
           'IS NOT NULL) AS same,\n'
           '         pg_catalog.count(*) FILTER (WHERE n.pipeline_console_hash IS NULL) AS gone, pg_catalog.count(*) '
           'FILTER (WHERE o.pipeline_console_hash IS NULL) AS come INTO found\n'
           '    FROM (SELECT %%1$s, pg_catalog.hash_record_extended(ROW(%%2$s), 0) AS pipeline_console_hash FROM ONLY '
           '%%3$s) o\n'
           '    FULL JOIN (SELECT %%1$s, pg_catalog.hash_record_extended(ROW(%%2$s), 0) AS pipeline_console_hash FROM '
           '%%4$s) n USING (%%1$s, pipeline_console_hash);\n'
           '  EXECUTE pg_catalog.format(''COMMENT ON TABLE %%%%s IS %%%%L'', %%3$L, '
           'pg_catalog.obj_description(%%3$L::pg_catalog.regclass, ''pg_class'') ||\n'
           '    pg_catalog.format(E''\\nafter swap: same=%%%%s gone=%%%%s added=%%%%s at=%%%%s UTC'', found.same,\n'
           '      found.gone, found.come, pg_catalog.to_char(pg_catalog.clock_timestamp(), ''YYYY-MM-DD '
           'HH24:MI:SS'')));\nEND',
           h.names, f.hashed, t.old, t.name)), 'ACCESS SHARE on both', t.name, true, NULL, 'proof after',
           'compares old and new table row by row', NULL
    FROM t, field f, handle h WHERE NOT %(compared)s
)
SELECT s.sql, s.lock, s."on", s.transaction, s.lock_timeout, s."group", s.note,
       s.holds_up FROM step s ORDER BY s.ordinal, s.what
