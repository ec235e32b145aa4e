-- Statements that move rows from one table to another in batches, each row exactly once.
--
-- One statement deletes and inserts, and fails unless count and checksum of both sides agree. A batch covers 128 pages,
-- so that no batch reads pages that earlier ones emptied; the position is kept in the session and rolled back with the
-- batch. Rows changed or added meanwhile are moved at the end. `kept` is the condition of the rows that can be moved:
-- others stay, because they refer to rows that no longer exist, or because rows of other tables refer to them.
WITH side AS MATERIALIZED (
  SELECT c.oid, c.relkind, c.relpersistence, c.relowner, pg_catalog.format('%%I.%%I', n.nspname, c.relname) AS name
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
   WHERE c.oid IN (%(origin)s::bigint::oid, %(target)s::bigint::oid)
), target AS MATERIALIZED (
  SELECT * FROM side WHERE oid = %(target)s::bigint::oid
), piece AS MATERIALIZED (
  SELECT c.oid, c.relkind, c.relpages, w.rows, nullif(w.kept, '') AS kept,
         pg_catalog.format('%%I.%%I', n.nspname, c.relname) AS name
    FROM ROWS FROM (pg_catalog.unnest(%(oids)s::bigint[]), pg_catalog.unnest(%(rows)s::bigint[]),
                    pg_catalog.unnest(%(kept)s::text[])) w(oid, rows, kept)
    JOIN pg_catalog.pg_class c ON c.oid = w.oid::oid
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
), receiver AS MATERIALIZED (  -- the target with its partitions
  SELECT i.relid AS oid FROM target t CROSS JOIN LATERAL pg_catalog.pg_partition_tree(t.oid) i
  UNION SELECT t.oid FROM target t
), field AS MATERIALIZED (
  SELECT a.attname, a.attnum, a.atttypid, a.atttypmod, a.attgenerated AS gone_generated,
         b.attgenerated AS kept_generated,
         a.attrelid AS piece, b.attname IS NULL AS lacking,
         (b.atttypid, b.atttypmod) IS DISTINCT FROM (a.atttypid, a.atttypmod) AS differs
    FROM piece p
    JOIN pg_catalog.pg_attribute a ON a.attrelid = p.oid AND a.attnum > 0 AND NOT a.attisdropped
    LEFT JOIN pg_catalog.pg_attribute b
      ON b.attrelid = (SELECT oid FROM target) AND b.attname = a.attname AND b.attnum > 0 AND NOT b.attisdropped
), mover AS MATERIALIZED (
  SELECT r.rolsuper FROM pg_catalog.pg_roles r WHERE r.rolname = CURRENT_USER
), refusal AS (
  SELECT 1 AS rank, p.name || CASE p.relkind WHEN 'f' THEN ' is a foreign table.' ELSE ' is itself partitioned.'
         END AS refused,
         'Its rows cannot be moved in batches.' AS remedy
    FROM piece p WHERE p.relkind <> 'r'
  UNION ALL
  SELECT 2, pg_catalog.format('%%s is unlogged, so it would lose the archive in a crash.', t.name),
         pg_catalog.format('ALTER TABLE %%s SET LOGGED', t.name)
    FROM target t WHERE t.relkind = 'r' AND t.relpersistence <> 'p'
  UNION ALL
  SELECT DISTINCT 3, pg_catalog.format('%%s has no column %%I of the same type.', t.name, f.attname),
         'Give both tables the same columns.'
    FROM field f, target t WHERE f.lacking OR f.differs
  UNION ALL
  SELECT 3, pg_catalog.format('%%s has a NOT NULL column %%I without a default, which %%s lacks.', t.name, b.attname,
                              o.name),
         'Give it a default, or make it nullable.'
    FROM target t JOIN side o ON o.oid = %(origin)s::bigint::oid
    JOIN pg_catalog.pg_attribute b ON b.attrelid = t.oid AND b.attnum > 0 AND NOT b.attisdropped AND b.attnotnull
     AND NOT b.atthasdef AND b.attidentity = ''
   WHERE NOT EXISTS (SELECT FROM field f WHERE f.attname = b.attname)
  UNION ALL
  SELECT DISTINCT 4, pg_catalog.format('Rows of %%s reference rows of %%s (foreign key %%I); deleting the referenced '
                                       'rows would change or delete them.',
                    k.conrelid::pg_catalog.regclass, k.confrelid::pg_catalog.regclass, k.conname),
         'Move those rows first, and make the foreign key ON DELETE RESTRICT.'
    FROM pg_catalog.pg_constraint k
   WHERE k.contype = 'f' AND k.confdeltype IN ('c', 'n', 'd')
     AND k.confrelid IN (SELECT oid FROM piece UNION SELECT %(origin)s::bigint::oid)
  UNION ALL
  SELECT DISTINCT 5, pg_catalog.format('The trigger %%I fires on moved rows and could drop or change them.',
                                       g.tgname),
         pg_catalog.format('ALTER TABLE %%s DISABLE TRIGGER %%I disables it for the move.',
                           g.tgrelid::pg_catalog.regclass, g.tgname)
    FROM pg_catalog.pg_trigger g
   -- in PostgreSQL 14 the triggers of partitions are internal
   WHERE (NOT g.tgisinternal OR g.tgconstraint = 0) AND g.tgenabled <> 'D'
     AND ((g.tgtype & 8 = 8 AND g.tgrelid IN (SELECT oid FROM piece))
       OR (g.tgtype & 4 = 4 AND g.tgrelid IN (SELECT oid FROM receiver)))
  UNION ALL
  SELECT DISTINCT 5, pg_catalog.format('The rule %%I rewrites the moved rows.', w.rulename), 'Drop it.'
    FROM pg_catalog.pg_rewrite w
   WHERE w.ev_enabled <> 'D' AND (w.ev_class IN (SELECT oid FROM piece) OR w.ev_class = (SELECT oid FROM target))
  UNION ALL
  SELECT 6, pg_catalog.format('Row-level security hides rows of %%s from this role.', t.name),
         'Connect as a role with BYPASSRLS, or as the owner.'
    FROM target t WHERE pg_catalog.row_security_active(t.oid)
  UNION ALL
  SELECT 7, pg_catalog.format('This role lacks SELECT or DELETE on %%s.', p.name), 'Connect as its owner.'
    FROM piece p WHERE NOT pg_catalog.has_table_privilege(p.oid, 'SELECT')
      OR NOT pg_catalog.has_table_privilege(p.oid, 'DELETE')
  UNION ALL
  SELECT 7, pg_catalog.format('This role lacks INSERT or SELECT on %%s.', t.name), 'Connect as its owner.'
    FROM target t WHERE NOT pg_catalog.has_table_privilege(t.oid, 'INSERT')
      OR NOT pg_catalog.has_table_privilege(t.oid, 'SELECT')
  UNION ALL
  SELECT DISTINCT 8, 'Moving rows would run user-defined code ('
         || pg_catalog.pg_describe_object(d.refclassid, d.refobjid, 0)
           || ') as superuser.', 'Connect as the owner of the tables.'
    FROM mover m
   CROSS JOIN (SELECT oid FROM piece UNION SELECT oid FROM receiver) c
   CROSS JOIN LATERAL (
         SELECT 'pg_catalog.pg_class'::pg_catalog.regclass::oid AS classid,
                i.indexrelid AS objid FROM pg_catalog.pg_index i WHERE i.indrelid = c.oid
         UNION ALL SELECT 'pg_catalog.pg_attrdef'::pg_catalog.regclass,
         a.oid FROM pg_catalog.pg_attrdef a WHERE a.adrelid = c.oid
         UNION ALL SELECT 'pg_catalog.pg_constraint'::pg_catalog.regclass,
         k.oid FROM pg_catalog.pg_constraint k WHERE k.conrelid = c.oid
         UNION ALL SELECT 'pg_catalog.pg_class'::pg_catalog.regclass, c.oid) o
    JOIN pg_catalog.pg_depend d ON d.classid = o.classid AND d.objid = o.objid AND d.refobjid >= 16384
    LEFT JOIN pg_catalog.pg_type y ON d.refclassid = 'pg_catalog.pg_type'::pg_catalog.regclass AND y.oid = d.refobjid
   WHERE m.rolsuper
     AND (d.refclassid IN ('pg_catalog.pg_proc'::pg_catalog.regclass, 'pg_catalog.pg_operator'::pg_catalog.regclass,
                           'pg_catalog.pg_opclass'::pg_catalog.regclass) OR y.typtype = 'd')
     AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend e
                      WHERE e.classid = d.refclassid AND e.objid = d.refobjid AND e.deptype = 'e')
), shape AS (
  SELECT p.oid, p.name, p.relpages, p.rows, t.oid AS target_oid, t.name AS target,
         pg_catalog.concat_ws(' AND ', pg_catalog.format('%%I >= ', %(key)s::text)
                              || pg_catalog.quote_literal(%(lower)s::text),
                              pg_catalog.format('%%I < ', %(key)s::text)
                                  || pg_catalog.quote_literal(%(upper)s::text), p.kept) AS inside,
         pg_catalog.string_agg(pg_catalog.quote_ident(f.attname), ', ' ORDER BY f.attnum) FILTER (WHERE f.kept_generated
               = '') AS fields,
         -- by the output function, never by casts, which may be user-defined
         pg_catalog.string_agg(CASE WHEN f.atttypid IN (16, 17, 18, 19, 20, 21, 23, 25, 26, 700, 701, 869, 1042, 1043,
                                                        1082, 1083,
                 1114, 1184, 1186, 1266, 1700, 2950, 3802) THEN pg_catalog.quote_ident(f.attname)
                 ELSE pg_catalog.format('pg_catalog.format(''%%%%L'', %%I)', f.attname) END, ', ' ORDER BY f.attnum)
           FILTER (WHERE f.kept_generated = '') AS hashed
    FROM piece p JOIN field f ON f.piece = p.oid CROSS JOIN target t
   GROUP BY p.oid, p.name, p.relpages, p.rows, p.kept, t.oid, t.name
), step AS (
  SELECT s.name, x.ordinal, s.rows,
         'WITH ' || x.start || 'gone AS (DELETE FROM ONLY ' || s.name || ' WHERE ' || x.part || ' AND ' || s.inside
             || ' RETURNING ' || s.fields
         || '), kept AS (INSERT INTO ' || s.target || ' (' || s.fields || ') OVERRIDING SYSTEM VALUE SELECT '
             || s.fields
         || ' FROM gone RETURNING ' || s.fields
         || '), left_it AS (SELECT pg_catalog.count(*) AS n, pg_catalog.sum(pg_catalog.hash_record_extended(ROW('
             || s.hashed || '), 0)) AS sum FROM gone'
         || '), arrived AS (SELECT pg_catalog.count(*) AS n, pg_catalog.sum(pg_catalog.hash_record_extended(ROW('
             || s.hashed || '), 0)) AS sum FROM kept'
         || ') SELECT CASE WHEN l.n = a.n AND l.sum IS NOT DISTINCT FROM a.sum THEN l.n ELSE '
         || 'pg_catalog.format(''%%s rows deleted, %%s inserted, or checksums differ'', l.n, a.n)::bigint END AS '
            'moved, '
             || x.more
         || ' AS more FROM left_it l, arrived a' AS sql,
         pg_catalog.format('ROW EXCLUSIVE on %%s and %%s; row locks until the end of the batch', s.name, s.target)
             AS lock,
         s.name AS "on", x.note, s.target,
         CASE WHEN x.ordinal = 1 THEN
           pg_catalog.format('%%s rows, %%s; writes as much again as WAL, and frees the space after VACUUM', s.rows,
             pg_catalog.pg_size_pretty(s.relpages * pg_catalog.current_setting('block_size')::bigint)) END AS estimate,
         CASE WHEN x.ordinal = 1 THEN s.rows ELSE 0 END AS total
    FROM shape s
   CROSS JOIN LATERAL (VALUES
     (1, pg_catalog.format('here AS MATERIALIZED (SELECT '
                           'coalesce(nullif(pg_catalog.current_setting(''pipeline_console.at_%%s'', true), ''''), '
                           '''0'')::bigint AS page), ', s.oid),
      'ctid >= pg_catalog.format(''(%%s,0)'', (SELECT page FROM here))::pg_catalog.tid AND '
      'ctid < pg_catalog.format(''(%%s,0)'', (SELECT page + 128 FROM here))::pg_catalog.tid',
      pg_catalog.format('pg_catalog.set_config(''pipeline_console.at_%%s'', (SELECT page + 128 FROM here)::text, '
                        'false)::bigint * %%s '
                        '< pg_catalog.pg_relation_size(%%s)', s.oid, pg_catalog.current_setting('block_size'), s.oid),
      'deletes and inserts in one statement that fails unless count and checksum agree; one transaction per 128 pages'),
     (2, '', pg_catalog.format('ctid = ANY (ARRAY(SELECT ctid FROM ONLY %%s WHERE %%s LIMIT 5000))', s.name, s.inside),
      'l.n > 0',
      'rows changed or added meanwhile')) x(ordinal, start, part, more, note)
   WHERE NOT EXISTS (SELECT FROM refusal)
)
SELECT r.refused, r.remedy, NULL AS sql, NULL AS lock, NULL AS "on", NULL AS estimate, NULL AS note, true AS repeat,
       0 AS total,
       r.rank AS ordinal, NULL AS name
  FROM refusal r
UNION ALL
SELECT NULL, NULL, s.sql, s.lock, s."on", s.estimate, s.note, true, s.total, s.ordinal, s.name FROM step s
 ORDER BY name, ordinal
