-- The statements that distribute an empty copy of a table in a schema of its own and drop it again, in one transaction.
-- extension: citus
--
-- The copy has the columns, keys, foreign keys and partitioning of the table, and one of its partitions, but no
-- defaults that count: to distribute these would change their sequences.
WITH @distribution_call@
, it AS MATERIALIZED (
  SELECT c.oid, c.relkind, pg_catalog.format('%%I.%%I', n.nspname, c.relname) AS name,
         'pipeline_console_rehearsal_' || c.oid AS schema,
         pg_catalog.format('%%I.%%I', 'pipeline_console_rehearsal_' || c.oid, c.relname) AS copy,
         pg_catalog.pg_get_partkeydef(c.oid) AS by
    FROM pg_catalog.pg_class c
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
   WHERE c.oid = %(oid)s::bigint
), counted AS (
  SELECT pg_catalog.string_agg(pg_catalog.format('ALTER COLUMN %%I DROP DEFAULT', a.attname), ', ' ORDER BY a.attnum)
         AS changes
    FROM it
    JOIN pg_catalog.pg_attrdef f ON f.adrelid = it.oid
    JOIN pg_catalog.pg_attribute a ON a.attrelid = it.oid AND a.attnum = f.adnum AND a.attgenerated = ''
   WHERE EXISTS (SELECT FROM pg_catalog.pg_depend d
                   JOIN pg_catalog.pg_class q ON q.oid = d.refobjid AND q.relkind = 'S'
                  WHERE d.classid = 'pg_catalog.pg_attrdef'::pg_catalog.regclass AND d.objid = f.oid)
), leaf AS (
  SELECT pg_catalog.format('%%I.%%I', it.schema, c.relname) AS name,
         pg_catalog.pg_get_expr(c.relpartbound, c.oid) AS bound
    FROM it
    JOIN pg_catalog.pg_inherits i ON i.inhparent = it.oid AND it.relkind = 'p'
    JOIN pg_catalog.pg_class c ON c.oid = i.inhrelid AND c.relkind = 'r'
   ORDER BY c.oid
   LIMIT 1
), keys AS (  -- Citus takes one at a time
  SELECT 'ALTER TABLE ' || it.copy || pg_catalog.format(' ADD CONSTRAINT %%I ', k.conname)
         || CASE WHEN k.confrelid = it.oid
                 THEN pg_catalog.replace(pg_catalog.pg_get_constraintdef(k.oid), 'REFERENCES ' || it.name || '(',
                                         'REFERENCES ' || it.copy || '(')
                 ELSE pg_catalog.pg_get_constraintdef(k.oid) END AS sql,
         CASE WHEN k.confrelid = it.oid THEN 'none'
              ELSE pg_catalog.format('SHARE ROW EXCLUSIVE on %%I.%%I', n.nspname, c.relname) END AS lock
    FROM it
    JOIN pg_catalog.pg_constraint k ON k.conrelid = it.oid AND k.contype = 'f' AND k.conparentid = 0
    JOIN pg_catalog.pg_class c ON c.oid = k.confrelid
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
)
SELECT s.sql, s.lock, s.note, 'rehearsal' AS "group"
  FROM (
    SELECT v.*
      FROM it CROSS JOIN call CROSS JOIN counted LEFT JOIN leaf ON true
     CROSS JOIN LATERAL (VALUES
       (0, 'SELECT pg_catalog.set_config(''citus.enable_local_reference_table_foreign_keys'', ''off'', true)', 'none',
           'rehearsal: Citus shall not convert a copy that refers to a reference table before it is distributed'),
       (1, 'CREATE SCHEMA ' || it.schema, 'none', 'rehearsal: in a schema of its own'),
       (2, 'CREATE TABLE ' || it.copy || ' (LIKE ' || it.name || ' INCLUDING ALL)'
           || coalesce(' PARTITION BY ' || it.by, ''), 'ACCESS SHARE on ' || it.name, 'rehearsal: an empty copy'),
       (3, 'ALTER TABLE ' || it.copy || ' ' || counted.changes, 'none',
           'rehearsal: without defaults that count in sequences of the table'),
       (4, 'CREATE TABLE ' || leaf.name || ' PARTITION OF ' || it.copy || ' ' || leaf.bound, 'none',
           'rehearsal: one partition'),
       (6, call.before || pg_catalog.quote_literal(it.copy) || call.after, 'none',
           'rehearsal: Citus distributes the copy, or says why it does not'),
       (7, 'DROP SCHEMA ' || it.schema || ' CASCADE', 'none', 'rehearsal: all of it is dropped')
     ) v(position, sql, lock, note)
     UNION ALL
    SELECT 5, k.sql, k.lock, 'rehearsal: a foreign key, on no rows' FROM keys k
  ) s
 WHERE s.sql IS NOT NULL
 ORDER BY s.position, s.sql
