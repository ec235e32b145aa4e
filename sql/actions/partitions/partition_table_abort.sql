-- Statements that undo what a run prepared for a table, as long as the new parent has not been swapped in.
WITH t AS MATERIALIZED (
  SELECT c.oid, c.relnamespace, n.nspname, pg_catalog.format('%%I.%%I', n.nspname, c.relname) AS name,
         'pipeline_console_' || c.oid AS stem,
         pg_catalog.format('SET LOCAL lock_timeout = ''%%sms''', %(patience)s::integer) AS patience,
         pg_catalog.format('pipeline-console: partition-table of %%s', c.oid) AS mark
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
   WHERE c.oid = %(oid)s::bigint::oid
), ours AS MATERIALIZED (
  SELECT c.oid, c.relname, pg_catalog.format('%%I.%%I', t.nspname, c.relname) AS name
    FROM t JOIN pg_catalog.pg_class c ON c.relnamespace = t.relnamespace
   WHERE c.relname IN (t.stem || '_log', t.stem || '_at') AND pg_catalog.obj_description(c.oid, 'pg_class') = t.mark
      OR c.oid = %(made)s::bigint::oid
), step AS (
  SELECT 1 AS ordinal, pg_catalog.concat_ws(E';\n', t.patience,
                                            pg_catalog.string_agg(pg_catalog.format('DROP TRIGGER %%I ON %%s', g.tgname,
                                                  t.name), E';\n')) AS sql,
         'ACCESS EXCLUSIVE on ' || t.name AS lock, t.name AS "on", true AS transaction, NULL::float8 AS lock_timeout,
         'stops recording writes' AS note, 'sessions using ' || t.name AS holds_up
    FROM t JOIN pg_catalog.pg_trigger g ON g.tgrelid = t.oid AND g.tgname IN (t.stem || '_rows', t.stem || '_truncate')
        GROUP BY t.name, t.patience
  UNION ALL
  SELECT 2, pg_catalog.format('DROP FUNCTION %%I.%%I()', t.nspname, p.proname), 'the function only', NULL, true, NULL,
         'the function that recorded writes', NULL
    FROM t JOIN pg_catalog.pg_proc p ON p.pronamespace = t.relnamespace AND p.proname = t.stem || '_track'
      AND p.pronargs = 0
     AND p.prorettype = 'trigger'::pg_catalog.regtype
   WHERE %(made)s::bigint IS NOT NULL
  UNION ALL
  SELECT 3, pg_catalog.format(E'%%s;\nALTER TABLE %%s DROP CONSTRAINT pipeline_console_bounds', t.patience, t.name),
         'ACCESS EXCLUSIVE on ' || t.name, t.name,
         true, NULL, 'accepts rows of any time again', 'sessions using ' || t.name
    FROM t JOIN pg_catalog.pg_constraint k ON k.conrelid = t.oid AND k.conname = 'pipeline_console_bounds'
  UNION ALL
  SELECT 4, pg_catalog.format('DROP INDEX CONCURRENTLY %%I.%%I', t.nspname, c.relname),
         'SHARE UPDATE EXCLUSIVE on ' || t.name, t.name, false, 0,
         'built for the new primary key', NULL
    FROM t JOIN pg_catalog.pg_index i ON i.indrelid = t.oid JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
      AND c.relname = t.stem || '_key'
  UNION ALL
  SELECT 5, pg_catalog.format(E'%%s;\nDROP TABLE %%s', t.patience, o.name),
         pg_catalog.concat_ws(', ', 'the new table', 'ACCESS EXCLUSIVE on ' || r.names), NULL, true, NULL,
         'prepared objects; ' || t.name || ' keeps all its rows', 'sessions using ' || r.names
    FROM t, ours o CROSS JOIN LATERAL (SELECT pg_catalog.string_agg(DISTINCT k.confrelid::pg_catalog.regclass::text,
          ', ') AS names
                                         FROM pg_catalog.pg_constraint k WHERE k.conrelid = o.oid AND k.contype = 'f') r
)
SELECT s.sql, s.lock, s."on", s.transaction, s.lock_timeout, 'taken back ' || s.ordinal AS "group", s.note,
       s.holds_up FROM step s ORDER BY s.ordinal
