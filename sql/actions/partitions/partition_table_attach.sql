-- Statements that prepare a table to become the first partition of its new parent, without moving rows.
--
-- The foreign keys of the parent are added while it is empty. The CHECK constraint with the bound is added last and
-- validated online: once it exists, rows beyond it are rejected.
WITH t AS MATERIALIZED (
  SELECT c.oid, c.relnamespace, n.nspname, pg_catalog.format('%%I.%%I', n.nspname, c.relname) AS name, c.relpages,
         pg_catalog.format('%%I.%%I', n.nspname, 'pipeline_console_' || c.oid || '_new') AS parent,
         pg_catalog.format('SET LOCAL lock_timeout = ''%%sms''', %(patience)s::integer) AS patience
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
   WHERE c.oid = %(oid)s::bigint::oid
), step AS (
  SELECT 1 AS ordinal, k.oid, pg_catalog.format(E'%%s;\nALTER TABLE %%s ADD CONSTRAINT %%I %%s', t.patience, t.parent,
                                                k.conname,
                                                pg_catalog.pg_get_constraintdef(k.oid)) AS sql,
         'SHARE ROW EXCLUSIVE on ' || f.name AS lock, f.name AS "on", true AS transaction, NULL::float8 AS lock_timeout,
         'key ' || k.oid AS "group", NULL AS estimate,
         'nothing to check: the new parent is empty' AS note, 'writers of ' || f.name AS holds_up
    FROM t JOIN pg_catalog.pg_constraint k ON k.conrelid = t.oid AND k.contype = 'f'
   CROSS JOIN LATERAL (SELECT pg_catalog.format('%%I.%%I', n.nspname, c.relname) AS name
                         FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
                          WHERE c.oid = k.confrelid) f
   WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_constraint x JOIN pg_catalog.pg_class p ON p.oid = x.conrelid
                      WHERE p.relnamespace = t.relnamespace AND p.relname = 'pipeline_console_' || t.oid || '_new'
                        AND x.contype = 'f'
                        AND pg_catalog.pg_get_constraintdef(x.oid) = pg_catalog.pg_get_constraintdef(k.oid))
      OR %(fresh)s
  UNION ALL
  SELECT 2, 0, pg_catalog.format(E'%%s;\nALTER TABLE %%s ADD CONSTRAINT pipeline_console_bounds CHECK (%%I IS NOT NULL '
                                 'AND %%I < %%L) NOT VALID',
                                 t.patience, t.name, %(key)s::text, %(key)s::text, %(upper)s::text),
         'ACCESS EXCLUSIVE on ' || t.name, t.name, true, NULL, 'promise', NULL,
         'NOT VALID, so that nothing waits for the scan; rows beyond the bound are rejected from now on',
         'sessions using ' || t.name
    FROM t WHERE NOT %(promised)s
  UNION ALL
  SELECT 3, 0, pg_catalog.format('ALTER TABLE %%s VALIDATE CONSTRAINT pipeline_console_bounds', t.name),
         'SHARE UPDATE EXCLUSIVE on ' || t.name, t.name, false, 3, '',
         pg_catalog.pg_size_pretty(t.relpages * pg_catalog.current_setting('block_size')::bigint) || ' scanned',
         'validates the constraint without blocking reads or writes', NULL
    FROM t WHERE NOT %(kept)s
)
SELECT s.sql, s.lock, s."on", s.transaction, s.lock_timeout, s."group", s.estimate, s.note,
       s.holds_up FROM step s ORDER BY s.ordinal, s.oid
