-- Statements that set existing columns NOT NULL without scanning the table under a strong lock.
--
-- A CHECK constraint is added NOT VALID and validated online; SET NOT NULL then skips the scan. Tables too large to
-- check while planning are checked by the run first, because a NOT VALID constraint blocks updates of rows that violate
-- it.
WITH entry AS (
  SELECT e.*, pg_catalog.format('public.%%I', e.relation) AS "table",
         'pipeline_console_' || e.name || '_not_null' AS check_name,
         k.convalidated, c.reltuples >= 5000000 AS large
    FROM pg_catalog.jsonb_to_recordset(%(entries)s::jsonb) e(relation text, name text)
    LEFT JOIN pg_catalog.pg_constraint k ON k.conrelid = pg_catalog.to_regclass(pg_catalog.format('public.%%I',
          e.relation))
     AND k.conname::text = 'pipeline_console_' || e.name || '_not_null' AND k.contype = 'c'
    LEFT JOIN pg_catalog.pg_class c ON c.oid = pg_catalog.to_regclass(pg_catalog.format('public.%%I', e.relation))
)
SELECT CASE WHEN s.ordinal <> 2 THEN pg_catalog.format(E'SET LOCAL lock_timeout = ''%%sms'';\n', %(patience)s::integer)
       ELSE '' END
         || s.sql AS sql, s.lock || e."table" AS lock, e."table" AS "on",
         'not null of ' || e.relation || '.' || e.name || s.part AS "group", s.undo, s.note,
       s.ordinal <> 2 AS transaction, CASE WHEN s.ordinal = 2 THEN 3::float8 END AS lock_timeout,
       CASE WHEN s.ordinal IN (1, 3) THEN 'sessions using ' || e."table" END AS holds_up
  FROM entry e
 CROSS JOIN LATERAL (VALUES
   (0, ' asked', e.large AND e.convalidated IS NULL,
    pg_catalog.format('DO %%L', pg_catalog.format(
      'BEGIN IF EXISTS (SELECT FROM %%s WHERE %%I IS NULL) THEN RAISE EXCEPTION %%L USING ERRCODE = '
      '''not_null_violation''; END IF; END',
      e."table", e.name, pg_catalog.format('%%s has rows where %%s is null: fill them, then run this action again',
                                           e."table",
                                           e.name))),
    'ACCESS SHARE on ', NULL, 'looks for nulls first; the table is too large to check while planning'),
   (1, ' promised', e.convalidated IS NULL,
    pg_catalog.format('ALTER TABLE %%s ADD CONSTRAINT %%I CHECK (%%I IS NOT NULL) NOT VALID', e."table", e.check_name,
                      e.name),
    'ACCESS EXCLUSIVE on ', pg_catalog.format('ALTER TABLE %%s DROP CONSTRAINT IF EXISTS %%I', e."table", e.check_name),
    'no scan; new rows must not be null'),
   (2, ' proven', e.convalidated IS NOT TRUE, pg_catalog.format('ALTER TABLE %%s VALIDATE CONSTRAINT %%I', e."table",
         e.check_name),
    'SHARE UPDATE EXCLUSIVE on ', NULL, 'scans the table without blocking reads or writes'),
   (3, '', true, pg_catalog.format(E'ALTER TABLE %%s ALTER COLUMN %%I SET NOT NULL;\nALTER TABLE %%s DROP CONSTRAINT '
                                   '%%I',
                                   e."table", e.name, e."table", e.check_name),
    'ACCESS EXCLUSIVE on ', pg_catalog.format('ALTER TABLE %%s ALTER COLUMN %%I DROP NOT NULL', e."table", e.name),
    'the validated CHECK constraint lets SET NOT NULL skip the scan'))
   s(ordinal, part, wanted, sql, lock, undo, note)
 WHERE s.wanted
 ORDER BY e.relation, e.name, s.ordinal
