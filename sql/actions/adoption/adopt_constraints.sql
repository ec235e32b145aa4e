-- Statements that add missing keys, foreign keys and checks, and validate constraints that are NOT VALID.
--
-- The foreign key of a partitioned table is added NOT VALID and validated partition by partition, because before
-- PostgreSQL 18 it cannot be NOT VALID on the parent. The one of the parent then merges with those of its partitions
-- without a scan. `fresh`: the table is created by this plan and empty.
WITH entry AS MATERIALIZED (
  SELECT e.*, pg_catalog.format('public.%%I', e.relation) AS "table", c.relkind, c.oid AS table_oid,
         pg_catalog.substring(e.definition, 'REFERENCES (public\.\w+)') AS referenced, c.reltuples >= 5000000 AS large
    FROM ROWS FROM (pg_catalog.jsonb_to_recordset(%(entries)s::jsonb) AS (
           kind text, relation text, name text, definition text, detail text, fresh boolean, oid bigint,
           index text)) WITH ORDINALITY
         e(kind, relation, name, definition, detail, fresh, constraint_oid, index, at)
    LEFT JOIN pg_catalog.pg_class c ON c.oid = pg_catalog.to_regclass(pg_catalog.format('public.%%I', e.relation))
     AND NOT e.fresh
), named AS MATERIALIZED (  -- a name in use gets a suffix
  SELECT e.*, CASE WHEN e.kind = 'not validated'
         THEN (SELECT k.conname::text FROM pg_catalog.pg_constraint k WHERE k.oid = e.constraint_oid::oid)
                WHEN e.detail IN ('key', 'unique')
                    AND pg_catalog.to_regclass(pg_catalog.format('public.%%I', e.name)) IS NOT NULL THEN e.index
                WHEN NOT EXISTS (
                  SELECT FROM pg_catalog.pg_constraint k WHERE k.conrelid = e.table_oid AND k.conname::text = e.name)
                         THEN e.name
                ELSE e.name || '_' || pg_catalog.left(pg_catalog.md5(e.definition), 8) END AS called
    FROM entry e
), part AS (
  SELECT n.*, pg_catalog.format('%%I.%%I', s.nspname, c.relname) AS partition, c.relname, k.oid AS has,
         k.convalidated AS proven, k.conname AS has_name
    FROM named n
   CROSS JOIN LATERAL pg_catalog.pg_partition_tree(n.table_oid) t
    JOIN pg_catalog.pg_class c ON c.oid = t.relid AND c.relkind = 'r'
    JOIN pg_catalog.pg_namespace s ON s.oid = c.relnamespace
    LEFT JOIN LATERAL (SELECT k.oid, k.convalidated, k.conname FROM pg_catalog.pg_constraint k
                        WHERE k.conrelid = c.oid AND k.contype = 'f' AND k.conparentid = 0
                          AND pg_catalog.regexp_replace(pg_catalog.pg_get_constraintdef(k.oid), ' NOT VALID$', '')
                              = n.definition
                        ORDER BY k.convalidated DESC, k.oid LIMIT 1) k ON true
   WHERE n.relkind = 'p' AND n.detail = 'foreign key' AND n.kind <> 'not validated' AND t.isleaf
), step AS (
  SELECT n.at, 1 AS rank, '' AS relname,
         pg_catalog.format('ALTER TABLE %%s ADD CONSTRAINT %%I %%s USING INDEX %%I', n."table", n.called,
           CASE n.detail WHEN 'key' THEN 'PRIMARY KEY' ELSE 'UNIQUE' END, n.index) AS sql,
         'ACCESS EXCLUSIVE on ' || n."table" AS lock, n."table" AS "on",
         pg_catalog.format('ALTER TABLE %%s DROP CONSTRAINT %%I', n."table", n.called) AS undo,
         'uses the index built concurrently' AS note
    FROM named n WHERE n.detail IN ('key', 'unique')
  UNION ALL  -- checked first, because rows that violate a NOT VALID check cannot be updated
  SELECT n.at, 1, '', pg_catalog.format('DO %%L', pg_catalog.format(
           'BEGIN IF EXISTS (SELECT FROM %%s WHERE NOT (%%s)) THEN RAISE EXCEPTION %%L USING ERRCODE = '
           '''check_violation''; END IF; END',
           n."table", pg_catalog.substring(n.definition, '^CHECK (.*)$'),
           pg_catalog.format('%%s has rows that violate the check constraint %%s: correct them, then run this action '
                             'again', n."table",
                             n.called))),
         'ACCESS SHARE on ' || n."table", n."table", NULL,
         'checks existing rows first; the table is too large to check while planning'
    FROM named n WHERE n.detail = 'check' AND n.kind <> 'not validated' AND n.large
  UNION ALL
  SELECT n.at, 2, '', pg_catalog.format('ALTER TABLE %%s ADD CONSTRAINT %%I %%s%%s', n."table", n.called, n.definition,
           CASE WHEN NOT n.fresh THEN ' NOT VALID' ELSE '' END),
         CASE WHEN n.detail = 'check' THEN 'ACCESS EXCLUSIVE on ' || n."table"
              ELSE pg_catalog.concat_ws(' and ', 'SHARE ROW EXCLUSIVE on ' || n."table", n.referenced) END,
         coalesce(CASE WHEN n.fresh THEN n.referenced END, n."table"),
         pg_catalog.format('ALTER TABLE %%s DROP CONSTRAINT %%I', n."table", n.called),
         CASE WHEN n.fresh THEN 'the table is empty' ELSE 'no scan; enforced for new writes from now on' END
    FROM named n
   WHERE n.kind <> 'not validated'
     AND (n.detail = 'check' OR n.detail = 'foreign key' AND n.relkind IS DISTINCT FROM 'p')
  UNION ALL
  SELECT n.at, 3, '', pg_catalog.format('ALTER TABLE %%s VALIDATE CONSTRAINT %%I', n."table", n.called),
         'SHARE UPDATE EXCLUSIVE on ' || n."table" || coalesce(', ROW SHARE on ' || n.referenced, ''), n."table", NULL,
         'scans the table without blocking reads or writes'
    FROM named n
   WHERE NOT n.fresh AND (n.kind = 'not validated' OR n.detail = 'check' OR n.detail = 'foreign key'
                          AND n.relkind IS DISTINCT FROM 'p')
  UNION ALL
  SELECT p.at, 4, p.relname, pg_catalog.format('ALTER TABLE %%s ADD CONSTRAINT %%I %%s NOT VALID', p.partition, p.name,
                                               p.definition),
         'SHARE ROW EXCLUSIVE on ' || p.partition || ' and ' || p.referenced, p.partition,
         pg_catalog.format('ALTER TABLE %%s DROP CONSTRAINT %%I', p.partition, p.name),
         'on one partition; no scan'
    FROM part p WHERE p.has IS NULL
  UNION ALL
  SELECT p.at, 5, p.relname, pg_catalog.format('ALTER TABLE %%s VALIDATE CONSTRAINT %%I', p.partition,
                                               coalesce(p.has_name::text, p.name)),
         'SHARE UPDATE EXCLUSIVE on ' || p.partition || ', ROW SHARE on ' || p.referenced, p.partition, NULL,
         'scans the partition without blocking reads or writes'
    FROM part p WHERE p.proven IS NOT TRUE
  UNION ALL
  SELECT n.at, 6, '', pg_catalog.format('ALTER TABLE %%s ADD CONSTRAINT %%I %%s', n."table", n.called, n.definition),
         'SHARE ROW EXCLUSIVE on ' || n."table" || ', its partitions and ' || n.referenced, n."table", NULL,
         'merges with the constraints of the partitions; no scan'
    FROM named n WHERE n.relkind = 'p' AND n.detail = 'foreign key' AND n.kind <> 'not validated'
)
SELECT CASE WHEN s.rank NOT IN (3, 5)
       THEN pg_catalog.format(E'SET LOCAL lock_timeout = ''%%sms'';\n', %(patience)s::integer) ELSE '' END
         || s.sql AS sql, s.lock, s."on", 'constraint ' || s.at || ' ' || s.rank || s.relname AS "group", s.undo,
         s.note,
       s.rank IN (3, 5, 6) AS proves, s.rank NOT IN (3, 5) AS transaction,
       CASE WHEN s.rank IN (3, 5) THEN 3::float8 END AS lock_timeout,
       CASE WHEN s.rank NOT IN (3, 5)
           THEN pg_catalog.regexp_replace(pg_catalog.regexp_replace(s.lock, '^ACCESS EXCLUSIVE on ', 'sessions using '),
                                                                     '^SHARE ROW EXCLUSIVE on ', 'writers of ')
                                                                         END AS holds_up
  FROM step s
 ORDER BY s.at, s.rank, s.relname
