-- Statements that move whole partitions from one table to another without copying rows.
--
-- Foreign keys that the target has are added and validated while the partition is still attached: a row without parent
-- stops the run before anything is detached. Then the partition gets a marker in front of its comment, by which it is
-- found when the run ends between DETACH and ATTACH. DETACH CONCURRENTLY leaves a CHECK constraint with the
-- bounds, which lets ATTACH skip the validation scan. Foreign keys that the target lacks are dropped. The proof that no
-- row is lost is the file, which stays the same; with `verify` its rows are also counted and summed before and after.
--
-- Where rows have no parent, the partition stays in the origin, without keys that an interrupted run added: `keep`;
-- `return` attaches it there again, `finalize return` completes its DETACH before.
-- Foreign keys are compared without NOT VALID: one that an interrupted run added is validated, not added again.
WITH side AS MATERIALIZED (
  SELECT c.oid, pg_catalog.format('%%I.%%I', n.nspname, c.relname) AS name
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
   WHERE c.oid IN (%(origin)s::bigint::oid, %(target)s::bigint::oid)
), piece AS MATERIALIZED (
  SELECT c.oid, w.way, pg_catalog.format('%%I.%%I', n.nspname, c.relname) AS name, o.name AS origin, t.name AS target,
         t.oid AS target_oid, o.oid AS origin_oid,
         m.forth, pg_catalog.pg_relation_filenode(c.oid) AS file, d.description,
         CASE WHEN pg_catalog.starts_with(d.description, m.forth)
              THEN nullif(pg_catalog.regexp_replace(d.description, '^[^\n]*\n?', ''), '') ELSE d.description
                  END AS comment,
         coalesce(pg_catalog.starts_with(d.description, m.forth), false) AS marked,
         pg_catalog.regexp_match(coalesce(pg_catalog.pg_get_expr(c.relpartbound, 0),
                                          'FOR VALUES ' || pg_catalog.substr(d.description,
                                                pg_catalog.length(m.forth) + 1)),
           '^FOR VALUES FROM \((MINVALUE|''[^'']*'')\) TO \((MAXVALUE|''[^'']*'')\)(?:\n|$)') AS edge,
         pg_catalog.format('%%s rows, %%s', CASE WHEN c.reltuples < 0 THEN 'unknown' ELSE 'about '
                           || c.reltuples::bigint END,
           pg_catalog.pg_size_pretty(c.relpages * pg_catalog.current_setting('block_size')::bigint)) AS size
    FROM ROWS FROM (pg_catalog.unnest(%(oids)s::bigint[]), pg_catalog.unnest(%(ways)s::text[])) w(oid, way)
    JOIN pg_catalog.pg_class c ON c.oid = w.oid::oid
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    JOIN side o ON o.oid = %(origin)s::bigint::oid
    JOIN side t ON t.oid = %(target)s::bigint::oid
   CROSS JOIN LATERAL (SELECT pg_catalog.format('pipeline-console: on its way from %%s to %%s, ', o.name, t.name)
                       AS forth) m
    LEFT JOIN pg_catalog.pg_description d
      ON d.objoid = c.oid AND d.classoid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objsubid = 0
), ready AS MATERIALIZED (
  SELECT p.*, pg_catalog.format('FROM (%%s) TO (%%s)', p.edge[1], p.edge[2]) AS bounds,
         pg_catalog.concat_ws(' AND ', pg_catalog.format('%%I IS NOT NULL', %(key)s::text),
           CASE WHEN p.edge[1] <> 'MINVALUE' THEN pg_catalog.format('%%I >= %%s', %(key)s::text, p.edge[1]) END,
           CASE WHEN p.edge[2] <> 'MAXVALUE' THEN pg_catalog.format('%%I < %%s', %(key)s::text, p.edge[2])
               END) AS inside,
         pg_catalog.format('EXISTS (SELECT FROM pg_catalog.pg_inherits WHERE inhrelid = %%s AND NOT inhdetachpending)',
                           p.oid) AS attached,
         pg_catalog.format('EXISTS (SELECT FROM pg_catalog.pg_inherits WHERE inhrelid = %%s AND inhdetachpending)',
                           p.oid) AS pending,
         pg_catalog.format('ALTER TABLE %%s DETACH PARTITION %%s', p.origin, p.name) AS detach,
         k.bounds AS promise, p.way IN ('keep', 'return', 'finalize return') AS stays,
         h.fields
    FROM piece p
    LEFT JOIN LATERAL (SELECT c.convalidated AS bounds FROM pg_catalog.pg_constraint c
                        WHERE c.conrelid = p.oid AND c.conname = 'pipeline_console_bounds') k ON true
   CROSS JOIN LATERAL (  -- by the output function, never by casts, which may be user-defined
        SELECT pg_catalog.string_agg(CASE WHEN a.atttypid IN (16, 17, 18, 19, 20, 21, 23, 25, 26, 700, 701, 869, 1042,
              1043, 1082,
                 1083, 1114, 1184, 1186, 1266, 1700, 2950, 3802) THEN pg_catalog.quote_ident(a.attname)
                 ELSE pg_catalog.format('pg_catalog.format(''%%%%L'', %%I)', a.attname) END,
                 ', ' ORDER BY a.attnum) AS fields
          FROM pg_catalog.pg_attribute a WHERE a.attrelid = p.oid AND a.attnum > 0 AND NOT a.attisdropped) h
), foreign_key AS MATERIALIZED (
  SELECT x.oid, x.conrelid, x.conname, x.convalidated, pg_catalog.format('%%I.%%I', n.nspname, f.relname) AS referenced,
         pg_catalog.regexp_replace(pg_catalog.pg_get_constraintdef(x.oid), ' NOT VALID$', '') AS definition
    FROM pg_catalog.pg_constraint x
    JOIN pg_catalog.pg_class f ON f.oid = x.confrelid
    JOIN pg_catalog.pg_namespace n ON n.oid = f.relnamespace
   WHERE x.contype = 'f' AND (x.conrelid IN (SELECT oid FROM piece) OR x.conrelid IN (SELECT oid FROM side))
     AND NOT EXISTS (SELECT FROM pg_catalog.pg_constraint u WHERE u.oid = x.conparentid AND u.conrelid = x.conrelid)
), surplus AS MATERIALIZED (  -- foreign keys to drop: the target has no such key, or the piece returns to the origin
  SELECT r.oid, x.conname, x.referenced
    FROM ready r
    JOIN foreign_key x ON x.conrelid = r.oid
   WHERE NOT EXISTS (SELECT FROM foreign_key y WHERE y.definition = x.definition AND y.conrelid
                     = CASE WHEN r.stays THEN r.origin_oid ELSE r.target_oid END)
     AND (r.way <> 'keep' OR NOT x.convalidated)
), missing AS MATERIALIZED (  -- foreign keys of the target that the piece has not, or that are not validated
  SELECT r.oid, x.referenced, x.definition, x.convalidated AS validate, y.conname IS NULL AS absent,
         coalesce(y.conname, CASE WHEN EXISTS (SELECT FROM pg_catalog.pg_constraint z
                                                WHERE z.conrelid = r.oid AND z.conname = x.conname)
                                  THEN pg_catalog.concat(pg_catalog.left(x.conname, 40), '_', x.oid)
                                  ELSE x.conname END) AS conname
    FROM ready r
    JOIN foreign_key x ON x.conrelid = r.target_oid
    LEFT JOIN LATERAL (SELECT y.conname, y.convalidated FROM foreign_key y
                        WHERE y.conrelid = r.oid AND y.definition = x.definition
                        ORDER BY y.convalidated DESC LIMIT 1) y ON true
   WHERE NOT r.stays
     AND (y.conname IS NULL OR x.convalidated AND NOT y.convalidated)
), step AS (
  SELECT r.oid, 10 AS ordinal,
         pg_catalog.format('COMMENT ON TABLE %%s IS %%L', r.name, r.forth || r.bounds
                           || coalesce(E'\n' || r.comment, '')) AS sql,
         'SHARE UPDATE EXCLUSIVE on ' || r.name AS lock, r.name AS "on", true AS transaction,
         r.name || ' mark' AS "group",
         pg_catalog.format('COMMENT ON TABLE %%s IS %%L', r.name, r.comment) AS undo, NULL AS estimate,
         'progress marker for resuming an interrupted run' AS note, NULL AS expect,
         NULL::float8 AS lock_timeout, NULL AS again
    FROM ready r WHERE r.way IN ('detach', 'finalize') AND NOT r.marked
  UNION ALL
  SELECT r.oid, v.ordinal,
         pg_catalog.format('SELECT pg_catalog.set_config(%%L, pg_catalog.concat_ws('' '', pg_catalog.count(*), '
           'pg_catalog.sum(pg_catalog.hash_record_extended(ROW(%%s), 0))), false) FROM %%s',
           pg_catalog.format('pipeline_console.%%s_%%s', v.moment, r.oid), r.fields, r.name),
         'ACCESS SHARE on ' || r.name, r.name, false, '', NULL, r.size, v.note,
         CASE v.moment WHEN 'after' THEN pg_catalog.format(
           'SELECT b.counted = a.counted, pg_catalog.format(''Rows and checksum of %%%%s were %%%%s before and are '
           '%%%%s after: rows were written meanwhile, or it is damaged'', %%L, b.counted, a.counted) '
           'FROM (SELECT coalesce(nullif(pg_catalog.current_setting(%%L, true), ''''), ''not counted'')) b(counted), '
           '(SELECT pg_catalog.current_setting(%%L)) a(counted)', r.name,
           'pipeline_console.before_' || r.oid, 'pipeline_console.after_' || r.oid) END, NULL, NULL
    FROM ready r
   CROSS JOIN (VALUES (15, 'before', 'count and checksum before the move'),
                      (60, 'after', 'count and checksum after the move, compared')) v(ordinal, moment, note)
   WHERE %(verify)s AND r.way <> 'keep'
  UNION ALL
  SELECT r.oid, 20, r.detach || CASE r.way WHEN 'detach' THEN ' CONCURRENTLY' ELSE ' FINALIZE' END,
         pg_catalog.format('SHARE UPDATE EXCLUSIVE on %%s; ACCESS EXCLUSIVE on %%s at the end', r.origin, r.name),
         r.origin, false, '',
         CASE WHEN r.way <> 'finalize return'
              THEN pg_catalog.format('ALTER TABLE %%s ATTACH PARTITION %%s FOR VALUES %%s', r.origin, r.name, r.bounds)
              END, r.size,
         CASE r.way WHEN 'detach'
                    THEN 'its rows are not visible until attached; other partitions stay readable and writable'
                    ELSE 'completes an interrupted detach' END,
         pg_catalog.format('SELECT NOT EXISTS (SELECT FROM pg_catalog.pg_inherits WHERE inhrelid = %%s AND '
                           'inhparent = %%s)', r.oid, r.origin_oid), CASE WHEN r.way = 'detach' THEN 5 END,
         pg_catalog.format('SELECT %%L, NULL::float8 WHERE %%s UNION ALL SELECT %%L, 5 WHERE %%s',
                           r.detach || ' FINALIZE', r.pending, r.detach || ' CONCURRENTLY',
                           r.attached || pg_catalog.format(' AND NOT EXISTS (SELECT FROM pg_catalog.pg_inherits WHERE '
                                                           'inhparent = %%s AND inhrelid = %%s)',
                                                           r.target_oid, r.oid))
    FROM ready r WHERE r.way IN ('detach', 'finalize', 'finalize return')
  UNION ALL
  SELECT r.oid, 20, pg_catalog.format('ALTER TABLE %%s ADD CONSTRAINT pipeline_console_bounds CHECK (%%s) NOT VALID',
                                      r.name, r.inside),
         'ACCESS EXCLUSIVE on ' || r.name, r.name, true, r.name || ' check',
         pg_catalog.format('ALTER TABLE %%s DROP CONSTRAINT IF EXISTS pipeline_console_bounds', r.name), NULL,
         'the CHECK constraint lets ATTACH skip the validation scan', NULL, NULL, NULL
    FROM ready r WHERE r.way = 'swap' AND r.promise IS NULL
  UNION ALL
  SELECT r.oid, 21, pg_catalog.format('ALTER TABLE %%s VALIDATE CONSTRAINT pipeline_console_bounds', r.name),
         'SHARE UPDATE EXCLUSIVE on ' || r.name, r.name, false, '', NULL, r.size, 'scans the partition once',
         pg_catalog.format('SELECT EXISTS (SELECT FROM pg_catalog.pg_constraint WHERE conrelid = %%s AND conname = %%L '
                           'AND convalidated)', r.oid, 'pipeline_console_bounds'), NULL, NULL
    FROM ready r WHERE r.way = 'swap' AND r.promise IS NOT TRUE
  UNION ALL
  SELECT r.oid, 45, r.detach, 'ACCESS EXCLUSIVE on ' || r.origin, r.origin, true, r.name || ' attach',
         pg_catalog.format('ALTER TABLE %%s ATTACH PARTITION %%s FOR VALUES %%s', r.origin, r.name, r.bounds), r.size,
         'in one short transaction: DETACH CONCURRENTLY is not possible '
         || CASE WHEN CURRENT_USER <> SESSION_USER THEN 'with the rights of another role'
                 ELSE 'with a default partition' END, NULL, NULL, NULL
    FROM ready r WHERE r.way = 'swap'
  UNION ALL
  SELECT r.oid, 46, pg_catalog.format('ALTER TABLE %%s DROP CONSTRAINT IF EXISTS %%I', r.name, f.conname),
         pg_catalog.format('ACCESS EXCLUSIVE on %%s and %%s', r.name, f.referenced), f.referenced, true,
         r.name || ' attach', NULL, NULL,
         pg_catalog.format('%%s has no such foreign key: its rows may outlive those they refer to',
                           CASE WHEN r.stays THEN r.origin ELSE r.target END),
         NULL, NULL, NULL
    FROM ready r JOIN surplus f ON f.oid = r.oid
  UNION ALL
  SELECT r.oid, CASE WHEN r.way IN ('detach', 'swap') THEN 5 ELSE 30 END,
         pg_catalog.format('ALTER TABLE %%s ADD CONSTRAINT %%I %%s%%s', r.name, f.conname, f.definition,
                           CASE WHEN f.validate OR pg_catalog.strpos(f.definition, ' NOT ENFORCED') = 0
                                THEN ' NOT VALID' END),
         pg_catalog.format('SHARE ROW EXCLUSIVE on %%s and %%s', r.name, f.referenced), f.referenced, true,
         r.name || ' key ' || f.conname,
         pg_catalog.format('ALTER TABLE %%s DROP CONSTRAINT IF EXISTS %%I', r.name, f.conname), NULL,
         'a foreign key of ' || r.target, NULL, NULL, NULL
    FROM ready r JOIN missing f ON f.oid = r.oid AND f.absent
  UNION ALL
  SELECT r.oid, CASE WHEN r.way IN ('detach', 'swap') THEN 6 ELSE 31 END,
         pg_catalog.format('ALTER TABLE %%s VALIDATE CONSTRAINT %%I', r.name, f.conname),
         pg_catalog.format('SHARE UPDATE EXCLUSIVE on %%s, ROW SHARE on %%s', r.name, f.referenced), f.referenced,
         false, '', CASE WHEN NOT f.absent
                         THEN pg_catalog.format('ALTER TABLE %%s DROP CONSTRAINT IF EXISTS %%I', r.name, f.conname) END,
         r.size, 'checks that every row has its parent; ATTACH then skips that', NULL, NULL, NULL
    FROM ready r JOIN missing f ON f.oid = r.oid AND f.validate
  UNION ALL
  SELECT r.oid, 47, pg_catalog.format('ALTER TABLE %%s ATTACH PARTITION %%s FOR VALUES %%s', r.origin, r.name,
                                      r.bounds),
         pg_catalog.format('SHARE UPDATE EXCLUSIVE on %%s; ACCESS EXCLUSIVE on %%s', r.origin, r.name), r.origin, true,
         r.name || ' attach', NULL, r.size, 'an interrupted run left it in neither table', NULL, NULL, NULL
    FROM ready r WHERE r.way IN ('return', 'finalize return')
  UNION ALL
  SELECT r.oid, 50, pg_catalog.format('ALTER TABLE %%s ATTACH PARTITION %%s FOR VALUES %%s', r.target, r.name,
                                      r.bounds),
         pg_catalog.concat_ws('; ', pg_catalog.format('SHARE UPDATE EXCLUSIVE on %%s', r.target), 'ACCESS EXCLUSIVE on '
                              || r.name,
           (SELECT 'ACCESS EXCLUSIVE on ' || pg_catalog.string_agg(DISTINCT f.referenced, ', ')
              FROM foreign_key f WHERE f.conrelid = r.target_oid)),
         r.target, true, r.name || ' attach',
         pg_catalog.format('ALTER TABLE %%s DETACH PARTITION %%s', r.target, r.name), r.size,
         'the same data file, now a partition of ' || r.target,
         pg_catalog.format('SELECT EXISTS (SELECT FROM pg_catalog.pg_inherits WHERE inhrelid = %%s AND inhparent = '
                           '%%s) '
           'AND pg_catalog.pg_relation_filenode(%%s) IS NOT DISTINCT FROM %%s, %%L',
           r.oid, r.target_oid, r.oid, coalesce(r.file::text, 'NULL::oid'),
           r.name || ' was rewritten, or is not attached'),
         NULL, NULL
    FROM ready r WHERE NOT r.stays
  UNION ALL
  SELECT r.oid, 51, pg_catalog.format('COMMENT ON TABLE %%s IS %%L', r.name, r.comment),
         'SHARE UPDATE EXCLUSIVE on ' || r.name, NULL,
         true, r.name || ' attach',
         CASE WHEN NOT r.stays
              THEN pg_catalog.format('COMMENT ON TABLE %%s IS %%L', r.name, r.forth || r.bounds
                                     || coalesce(E'\n' || r.comment, '')) END,
         NULL, 'removes the progress marker', NULL, NULL, NULL
    FROM ready r WHERE r.way NOT IN ('swap', 'keep')
  UNION ALL
  SELECT r.oid, 52, pg_catalog.format('ALTER TABLE %%s DROP CONSTRAINT pipeline_console_bounds', r.name),
         'ACCESS EXCLUSIVE on ' || r.name,
         NULL, true, r.name || ' attach', NULL, NULL, 'redundant: the partition bound enforces the same condition',
         NULL, NULL, NULL
    FROM ready r WHERE r.way = 'swap'
)
SELECT s.sql, s.lock, s."on", s.transaction, s."group", s.undo, s.estimate, s.note, s.expect, s.lock_timeout, s.again,
       s.transaction AND s.ordinal IN (10, 20, 45, 46, 47, 50, 51, 52) AS at_once,
       s.transaction AND s.ordinal IN (10, 20) AS prelude,
       CASE s.ordinal WHEN 15 THEN 'pipeline_console.before_' || s.oid END AS keeps
  FROM step s JOIN ready r ON r.oid = s.oid
 ORDER BY CASE WHEN r.way IN ('attach', 'return') THEN 1 WHEN pg_catalog.starts_with(r.way, 'finalize') THEN 2 ELSE 3
          END, r.edge[2], r.name, s.ordinal, s.sql
