-- Statements of the short transaction that puts the new parent in the place of a table.
-- lane: slow
--
-- Properties of the table are recreated on the parent from their present definitions; the transaction fails if any has
-- changed since the plan. Referenced tables are locked first, so that the table itself is locked last and shortest.
WITH t AS MATERIALIZED (
  SELECT c.*, n.nspname, pg_catalog.format('%%I.%%I', n.nspname, c.relname) AS name,
         pg_catalog.pg_get_userbyid(c.relowner) AS owner,
         'pipeline_console_' || c.oid AS stem,
         pg_catalog.format('%%I.%%I', n.nspname, 'pipeline_console_' || c.oid || '_new') AS parent,
         pg_catalog.format('%%I.%%I', n.nspname, 'pipeline_console_' || c.oid || '_log') AS log,
         %(way)s::text = 'attach' AS attached,
         pg_catalog.format('%%I.%%I', n.nspname, 'pipeline_console_' || c.oid || '_at') AS place,
         pg_catalog.format('%%I.%%I', n.nspname, 'pipeline_console_' || c.oid || '_track') AS track,
         pg_catalog.obj_description(c.oid, 'pg_class') AS comment
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
   WHERE c.oid = %(oid)s::bigint::oid
), thing AS MATERIALIZED (  -- objects whose names the new ones get: the table, its indexes, statistics and sequences
  SELECT 't' AS kind, t.oid, t.relname AS name FROM t
  UNION ALL SELECT 'i', i.indexrelid, c.relname FROM t JOIN pg_catalog.pg_index i ON i.indrelid = t.oid AND i.indisvalid
    JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid AND c.relname <> t.stem || '_key'
  UNION ALL SELECT 's', x.oid, x.stxname FROM t JOIN pg_catalog.pg_statistic_ext x ON x.stxrelid = t.oid
  UNION ALL SELECT 'q', d.objid,
  c.relname FROM t JOIN pg_catalog.pg_depend d ON d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
     AND d.refobjid = t.oid AND d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.deptype = 'i'
    JOIN pg_catalog.pg_class c ON c.oid = d.objid AND c.relkind = 'S'
), cut AS MATERIALIZED (
  SELECT h.*, pg_catalog.row_number() OVER (PARTITION BY h.stem ORDER BY h.kind DESC, h.oid) - 1 AS before
    FROM (SELECT h.*, (SELECT pg_catalog.left(h.name, i) FROM pg_catalog.generate_series(53, 1, -1) i
                        WHERE pg_catalog.octet_length(pg_catalog.left(h.name, i)) <= 53 LIMIT 1) AS stem FROM thing h) h
), named AS MATERIALIZED (
  SELECT h.*, (SELECT f.name FROM pg_catalog.generate_series(1, 999) n
                CROSS JOIN LATERAL (SELECT h.stem || CASE WHEN t.attached THEN '_legacy' ELSE '_old' END || CASE
                                    WHEN n > 1 THEN n::text ELSE '' END AS name) f
                WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.relnamespace = t.relnamespace
                                  AND c.relname = f.name)
                  AND NOT EXISTS (SELECT FROM pg_catalog.pg_type y WHERE y.typnamespace = t.relnamespace
                                  AND y.typname = f.name)
                  AND NOT EXISTS (SELECT FROM pg_catalog.pg_statistic_ext x WHERE x.stxnamespace = t.relnamespace
                                  AND x.stxname = f.name)
                  AND NOT EXISTS (SELECT FROM pg_catalog.pg_constraint k WHERE k.conrelid = t.oid
                                  AND k.conname = f.name)
                ORDER BY n LIMIT 1 OFFSET h.before) AS aside
    FROM cut h, t
), old AS MATERIALIZED (
  SELECT pg_catalog.format('%%I.%%I', t.nspname, d.aside) AS name, d.aside FROM t, named d WHERE d.kind = 't'
), reference AS MATERIALIZED (
  SELECT k.oid, k.conname, k.confrelid,
         coalesce((SELECT o.definition FROM ROWS FROM (pg_catalog.unnest(%(own_keys)s::text[]),
                                                       pg_catalog.unnest(%(own_definitions)s::text[])) o(name,
                                                             definition)
                     WHERE o.name = k.conname),
                   pg_catalog.pg_get_constraintdef(k.oid)) AS definition,
         pg_catalog.format('%%I.%%I', n.nspname, c.relname) AS name,
         c.oid <> t.oid AND pg_catalog.has_table_privilege(c.oid, 'UPDATE, DELETE, TRUNCATE') AS lockable
    FROM t JOIN pg_catalog.pg_constraint k ON k.conrelid = t.oid AND k.contype = 'f'
    JOIN pg_catalog.pg_class c ON c.oid = k.confrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
), referenced AS MATERIALIZED (
  SELECT pg_catalog.string_agg(DISTINCT r.name, ', ') AS names,
         pg_catalog.string_agg(DISTINCT r.name, ', ') FILTER (WHERE r.confrelid <> t.oid) AS others,
         pg_catalog.string_agg(DISTINCT r.name, ', ') FILTER (WHERE r.lockable) AS lockable
    FROM reference r, t
), sequence AS MATERIALIZED (
  SELECT a.attname, a.attnum, d.deptype, q.oid, q.relacl, q.relname,
         pg_catalog.format('%%I.%%I', n.nspname, q.relname) AS name,
         pg_catalog.format('%%I.%%I', t.nspname, t.stem || '_seq_' || a.attnum) AS new
    FROM t JOIN pg_catalog.pg_depend d ON d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
      AND d.refobjid = t.oid
     AND d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.deptype IN ('i', 'a')
    JOIN pg_catalog.pg_class q ON q.oid = d.objid AND q.relkind = 'S'
      JOIN pg_catalog.pg_namespace n ON n.oid = q.relnamespace
    JOIN pg_catalog.pg_attribute a ON a.attrelid = t.oid AND a.attnum = d.refobjsubid
), role AS (
  SELECT 0::oid AS oid, 'PUBLIC' AS name UNION ALL SELECT r.oid,
         pg_catalog.quote_ident(r.rolname) FROM pg_catalog.pg_roles r
), withheld AS (  -- default privileges of a new table, to be revoked
  SELECT pg_catalog.string_agg(DISTINCT r.name, ', ') AS names
    FROM t CROSS JOIN LATERAL (
         SELECT t.relowner AS oid WHERE t.relacl IS NOT NULL
         UNION SELECT e.grantee FROM pg_catalog.pg_default_acl d CROSS JOIN LATERAL pg_catalog.aclexplode(d.defaclacl) e
          WHERE d.defaclrole = (SELECT o.oid FROM pg_catalog.pg_roles o WHERE o.rolname = CURRENT_USER)
            AND d.defaclobjtype = 'r' AND d.defaclnamespace IN (0, t.relnamespace) AND e.grantee <> t.relowner) g
    JOIN role r ON r.oid = g.oid
), grants AS (
  SELECT pg_catalog.string_agg(g.sql, E';\n') AS sql
    FROM t CROSS JOIN LATERAL (
         SELECT pg_catalog.format('GRANT %%s ON TABLE %%s TO %%s%%s', e.privilege_type, t.name, r.name, CASE
                                  WHEN e.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END) AS sql
           FROM pg_catalog.aclexplode(t.relacl) e JOIN role r ON r.oid = e.grantee
         UNION
         SELECT pg_catalog.format('GRANT %%s (%%I) ON TABLE %%s TO %%s%%s', e.privilege_type, a.attname, t.name, r.name,
                                  CASE WHEN e.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END)
           FROM pg_catalog.pg_attribute a CROSS JOIN LATERAL pg_catalog.aclexplode(a.attacl) e
             JOIN role r ON r.oid = e.grantee
          WHERE a.attrelid = t.oid AND NOT a.attisdropped
         UNION
         SELECT pg_catalog.format('GRANT %%s ON SEQUENCE %%s TO %%s%%s', e.privilege_type, q.name, r.name, CASE
                                  WHEN e.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END)
           FROM sequence q CROSS JOIN LATERAL pg_catalog.aclexplode(q.relacl) e JOIN role r ON r.oid = e.grantee
            WHERE q.deptype = 'i') g
), view AS (
  SELECT pg_catalog.string_agg(pg_catalog.format('CREATE OR REPLACE VIEW %%s%%s AS%%s', v.name,
           (SELECT ' WITH (' || pg_catalog.array_to_string(v.reloptions, ', ') || ')' WHERE v.reloptions IS NOT NULL),
           E'\n' || pg_catalog.rtrim(pg_catalog.pg_get_viewdef(v.oid), ';')), E';\n' ORDER BY v.oid) AS sql,
           pg_catalog.string_agg(v.name, ', ') AS names,
         pg_catalog.string_agg(pg_catalog.format('ALTER VIEW %%s OWNER TO %%I', v.name,
                                                 pg_catalog.pg_get_userbyid(v.relowner)),
                                                 E';\n' ORDER BY v.oid) AS locking
    FROM (SELECT DISTINCT v.oid, v.reloptions, v.relowner, pg_catalog.format('%%I.%%I', n.nspname, v.relname) AS name
            FROM t JOIN pg_catalog.pg_depend d ON d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
              AND d.refobjid = t.oid
             AND d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass
            JOIN pg_catalog.pg_rewrite w ON w.oid = d.objid JOIN pg_catalog.pg_class v ON v.oid = w.ev_class
             AND v.relkind = 'v'
            JOIN pg_catalog.pg_namespace n ON n.oid = v.relnamespace) v
), trigger AS (
  SELECT pg_catalog.string_agg(pg_catalog.concat_ws(E';\n', pg_catalog.pg_get_triggerdef(g.oid),
           CASE g.tgenabled WHEN 'D' THEN pg_catalog.format('ALTER TABLE %%s DISABLE TRIGGER %%I', t.name, g.tgname)
                            WHEN 'R' THEN pg_catalog.format('ALTER TABLE %%s ENABLE REPLICA TRIGGER %%I', t.name,
                                                            g.tgname)
                            WHEN 'A' THEN pg_catalog.format('ALTER TABLE %%s ENABLE ALWAYS TRIGGER %%I', t.name,
                                                            g.tgname) END,
           pg_catalog.format('COMMENT ON TRIGGER %%I ON %%s IS %%L', g.tgname, t.name, c.said)),
           E';\n' ORDER BY g.oid) AS sql,
         pg_catalog.string_agg(pg_catalog.format('DROP TRIGGER %%I ON %%s', g.tgname, t.name), E';\n' ORDER BY g.oid)
             AS dropped
    FROM t JOIN pg_catalog.pg_trigger g ON g.tgrelid = t.oid AND NOT g.tgisinternal
      AND NOT pg_catalog.starts_with(g.tgname, 'pipeline_console_')
    LEFT JOIN LATERAL (SELECT pg_catalog.obj_description(g.oid, 'pg_trigger') AS said) c ON c.said IS NOT NULL
), policy AS (
  SELECT pg_catalog.string_agg(pg_catalog.concat_ws(E';\n',
                                                    pg_catalog.format('CREATE POLICY %%I ON %%s AS %%s FOR %%s TO '
                                                        '%%s%%s%%s', p.polname, t.name,
             CASE WHEN p.polpermissive THEN 'PERMISSIVE' ELSE 'RESTRICTIVE' END,
             CASE p.polcmd WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT' WHEN 'w' THEN 'UPDATE' WHEN 'd' THEN 'DELETE'
                 ELSE 'ALL' END,
             (SELECT pg_catalog.string_agg(r.name, ', ') FROM role r WHERE r.oid = ANY (p.polroles)),
             ' USING (' || pg_catalog.pg_get_expr(p.polqual, p.polrelid) || ')',
             ' WITH CHECK (' || pg_catalog.pg_get_expr(p.polwithcheck, p.polrelid) || ')'),
           pg_catalog.format('COMMENT ON POLICY %%I ON %%s IS %%L', p.polname, t.name, c.said)),
           E';\n' ORDER BY p.oid) AS sql
    FROM t JOIN pg_catalog.pg_policy p ON p.polrelid = t.oid
    LEFT JOIN LATERAL (SELECT pg_catalog.obj_description(p.oid, 'pg_policy') AS said) c ON c.said IS NOT NULL
), leaf AS (
  SELECT pg_catalog.string_agg(pg_catalog.format('ALTER TABLE %%s %%s', l.name,
           (SELECT pg_catalog.string_agg(pg_catalog.format('ADD CONSTRAINT %%I %%s NOT VALID', r.conname, r.definition),
                                         ', ') FROM reference r)), E';\n') AS keys,
         pg_catalog.string_agg(pg_catalog.format('ALTER TABLE %%s OWNER TO %%I', l.name, t.owner), E';\n') AS owned
    FROM t, pg_catalog.unnest(%(leaves)s::text[]) l(name)
), step AS (
  SELECT 1 AS ordinal, %(apply)s::text AS sql, 'ACCESS SHARE on ' || t.name AS lock,
         'applies most rows written since, before any lock that blocks' AS note, NULL AS holds_up
    FROM t WHERE NOT t.attached
  UNION ALL
  SELECT 2, pg_catalog.format('SET LOCAL lock_timeout = ''%%sms''', %(patience)s::integer), NULL,
         'limits how long queued sessions wait', NULL FROM t
  UNION ALL
  SELECT 3, pg_catalog.format('LOCK TABLE %%s IN ACCESS EXCLUSIVE MODE', r.lockable),
         'ACCESS EXCLUSIVE on ' || r.lockable,
         'rows of ' || t.name || ' reference it, and foreign keys are moved', 'sessions using ' || r.lockable
    FROM t, referenced r WHERE r.lockable IS NOT NULL
  UNION ALL
  SELECT 3, pg_catalog.format('LOCK TABLE %%s IN ACCESS EXCLUSIVE MODE', i.names), 'ACCESS EXCLUSIVE on ' || i.names,
         'its rows reference rows of ' || t.name || ', and foreign keys are moved', 'sessions using ' || i.names
    FROM t, (SELECT %(inbound)s::text AS names) i WHERE i.names <> ''
  UNION ALL
  SELECT 3, v.locking, 'ACCESS EXCLUSIVE on ' || v.names,
         'changes nothing: locks the views before the table, in the order of their readers', 'readers of ' || v.names
    FROM view v WHERE v.locking IS NOT NULL
  UNION ALL
  SELECT 4, pg_catalog.format('LOCK TABLE ONLY %%s IN ACCESS EXCLUSIVE MODE', t.name),
         pg_catalog.concat_ws(', ', 'ACCESS EXCLUSIVE on ' || t.name, r.others),
         'held held until the end of this transaction',
         'sessions using ' || t.name
    FROM t, referenced r
  UNION ALL
  SELECT 5, pg_catalog.format('DO %%L',
                              pg_catalog.format(E'BEGIN\n  IF (%%s) IS DISTINCT FROM %%L THEN\n    RAISE EXCEPTION '
                                                '''The table has changed since the plan was made: columns, indexes, '
                                                'views, triggers, policies or grants'' USING HINT = ''Run the action '
                                                'again.'';\n  END IF;\nEND', %(fingerprint_query)s::text,
           %(fingerprint)s::text)), NULL,
         'verifies that the objects recreated below have not changed', NULL FROM t
  UNION ALL
  SELECT 6, %(apply)s::text, NULL, 'applies the remaining rows; writes are blocked now',
         NULL FROM t WHERE NOT t.attached
  UNION ALL
  SELECT 7, pg_catalog.format('DO %%L',
                              pg_catalog.format(E'BEGIN\n  IF EXISTS (SELECT FROM %%s) THEN\n    RAISE '
                                                'lock_not_available USING MESSAGE = ''too many rows were written to '
                                                'apply them quickly'';\n  END IF;\nEND', t.log)), NULL,
           'otherwise the swap is retried', NULL FROM t WHERE NOT t.attached
  UNION ALL
  SELECT 8, pg_catalog.concat_ws(E';\n', pg_catalog.format('DROP TRIGGER %%I ON %%s', t.stem || '_rows', t.name),
                                 pg_catalog.format('DROP TRIGGER %%I ON %%s', t.stem || '_truncate', t.name),
           pg_catalog.format('DROP FUNCTION %%s()', t.track), pg_catalog.format('DROP TABLE %%s, %%s', t.log, t.place)),
           NULL, 'drops the temporary objects', NULL
    FROM t WHERE NOT t.attached
  UNION ALL
  SELECT 9, pg_catalog.concat_ws(E';\n', pg_catalog.format('ALTER SEQUENCE %%s RENAME TO %%I', q.name, d.aside),
           pg_catalog.format('SELECT pg_catalog.setval(%%L, s.last_value, s.is_called) FROM %%I.%%I s', q.new,
                             t.nspname, d.aside),
           pg_catalog.format('ALTER TABLE %%s ALTER COLUMN %%I DROP IDENTITY', t.name, q.attname),
           pg_catalog.format('ALTER SEQUENCE %%s RENAME TO %%I', q.new, q.relname)), NULL,
           'sequence values continue', NULL
    FROM t, sequence q JOIN named d ON d.kind = 'q' AND d.oid = q.oid WHERE q.deptype = 'i'
  UNION ALL
  SELECT 10, pg_catalog.concat_ws(E';\n', CASE WHEN NOT %(has_no_null)s
                                  THEN pg_catalog.format('ALTER TABLE %%s ALTER COLUMN %%I SET NOT NULL', t.name,
                                                         %(key)s::text) END,
           CASE WHEN %(widened)s THEN (SELECT pg_catalog.format('ALTER TABLE %%s DROP CONSTRAINT %%I, ADD CONSTRAINT '
                                                                '%%I PRIMARY KEY USING INDEX %%I',
                  t.name, k.conname, d.aside, t.stem || '_key')
             FROM pg_catalog.pg_constraint k JOIN named d ON d.kind = 'i' AND d.oid = k.conindid
              WHERE k.conrelid = t.oid AND k.contype = 'p') END),
         NULL, 'as on the parent; the validated CHECK constraint avoids the scan', NULL FROM t WHERE t.attached
  UNION ALL
  SELECT 11, g.dropped, NULL, 'recreated on the parent below', NULL FROM t,
         trigger g WHERE t.attached AND g.dropped IS NOT NULL
  UNION ALL
  SELECT 12, 'ALTER TABLE ' || t.name || ' '
         || pg_catalog.string_agg(pg_catalog.format('DROP CONSTRAINT %%I', r.conname), ', '), NULL,
         'the old table keeps no foreign keys, so it does not block deletes', NULL FROM t,
         reference r WHERE NOT t.attached GROUP BY t.name
  UNION ALL
  SELECT 12, %(unlink)s::text, NULL, 'drops foreign keys of other tables that reference it', NULL FROM t
  UNION ALL
  SELECT 13, pg_catalog.string_agg(CASE d.kind WHEN 't' THEN pg_catalog.format('ALTER TABLE %%s RENAME TO %%I', t.name,
        d.aside)
             ELSE pg_catalog.format('ALTER %%s %%I.%%I RENAME TO %%I', CASE d.kind WHEN 'i' THEN 'INDEX'
                                    ELSE 'STATISTICS' END, t.nspname, d.name, d.aside) END,
           E';\n' ORDER BY d.kind, d.oid), NULL, 'frees the names', NULL
    FROM t, named d
   WHERE d.kind IN ('t', 'i', 's')
     AND NOT (%(widened)s AND t.attached AND EXISTS (SELECT FROM pg_catalog.pg_index i WHERE i.indexrelid = d.oid
                                                     AND i.indisprimary))
  UNION ALL
  SELECT 14, pg_catalog.string_agg(CASE d.kind WHEN 't' THEN pg_catalog.format('ALTER TABLE %%s RENAME TO %%I',
        t.parent, t.relname)
             ELSE pg_catalog.format('ALTER INDEX %%I.%%I RENAME TO %%I', t.nspname, t.stem || '_' || d.oid, d.name) END,
             E';\n' ORDER BY d.kind, d.oid),
         NULL, 'the new parent is ' || t.name, NULL
    FROM t, named d WHERE d.kind IN ('t', 'i') GROUP BY t.name
  UNION ALL
  SELECT 15, pg_catalog.concat_ws(E';\n', pg_catalog.format('ALTER TABLE %%s OWNER TO %%I', t.name, t.owner), l.owned),
         NULL, 'same owner as the old table', NULL
    FROM t, leaf l WHERE %(later)s AND t.owner <> CURRENT_USER
  UNION ALL
  SELECT 16, pg_catalog.format('ALTER SEQUENCE %%s OWNED BY %%s.%%I', q.name, t.name, q.attname), NULL,
         'sequence values continue', NULL
    FROM t, sequence q WHERE q.deptype = 'a'
  UNION ALL
  SELECT 17, pg_catalog.format('ALTER TABLE %%s ATTACH PARTITION %%s FOR VALUES FROM (MINVALUE) TO (%%L)', t.name,
                               o.name, %(upper)s::text),
         pg_catalog.concat_ws(', ', 'ACCESS EXCLUSIVE on ' || t.name, r.names),
         'the same data file, now the first partition; no scan', NULL
    FROM t, old o, referenced r WHERE t.attached
  UNION ALL
  SELECT 18, l.keys, 'SHARE ROW EXCLUSIVE on ' || r.names,
         'enforced for new writes from now on; validated below', NULL
    FROM t, leaf l, referenced r WHERE NOT t.attached AND r.names IS NOT NULL
  UNION ALL
  SELECT 18, %(relink)s::text, pg_catalog.concat_ws(', ', 'SHARE ROW EXCLUSIVE on ' || t.name, %(inbound)s::text),
         'foreign keys of other tables, with the partition key: enforced for new writes from now on; validated below',
         NULL
    FROM t
  UNION ALL
  SELECT 19, v.sql, 'ACCESS EXCLUSIVE on ' || v.names,
         'the same views over the new table, with owners, grants and options',
         NULL FROM view v WHERE v.sql IS NOT NULL
  UNION ALL
  SELECT 20, pg_catalog.string_agg(pg_catalog.pg_get_statisticsobjdef(d.oid), E';\n'), NULL, 'extended statistics',
         NULL FROM named d WHERE d.kind = 's' HAVING pg_catalog.count(*) > 0
  UNION ALL
  SELECT 21, g.sql, NULL, 'triggers', NULL FROM trigger g WHERE g.sql IS NOT NULL
  UNION ALL
  SELECT 22, pg_catalog.concat_ws(E';\n', p.sql, CASE WHEN t.relrowsecurity
                                  THEN pg_catalog.format('ALTER TABLE %%s ENABLE ROW LEVEL SECURITY', t.name) END,
           CASE WHEN t.relforcerowsecurity THEN pg_catalog.format('ALTER TABLE %%s FORCE ROW LEVEL SECURITY', t.name)
               END), NULL, 'row-level security', NULL
    FROM t, policy p WHERE p.sql IS NOT NULL OR t.relrowsecurity OR t.relforcerowsecurity
  UNION ALL
  SELECT 23, pg_catalog.concat_ws(E';\n', pg_catalog.format('REVOKE ALL ON TABLE %%s FROM ', t.name) || w.names, g.sql),
         NULL, 'grants', NULL
    FROM t, withheld w, grants g WHERE w.names IS NOT NULL OR g.sql IS NOT NULL
  UNION ALL
  SELECT 24, pg_catalog.format('ALTER TABLE %%s REPLICA IDENTITY %%s', t.name, CASE t.relreplident WHEN 'f' THEN 'FULL'
                               ELSE 'NOTHING' END), NULL, 'replica identity', NULL
    FROM t WHERE t.relreplident IN ('f', 'n')
  UNION ALL
  SELECT 25, CASE WHEN t.attached
         THEN pg_catalog.format('COMMENT ON TABLE %%s IS %%L', o.name, 'pipeline-console: the rows of ' || t.name
                                || ' until ' || %(upper)s::text)
             ELSE pg_catalog.format('DO %%L',
                                    pg_catalog.format(E'BEGIN\n  EXECUTE pg_catalog.format(''COMMENT ON TABLE %%%%s IS '
                                                      '%%%%L'', %%L, %%L '
               '|| pg_catalog.substr(pg_catalog.obj_description(%%L::pg_catalog.regclass, ''pg_class''), '
               'pg_catalog.strpos(pg_catalog.obj_description(%%L::pg_catalog.regclass, ''pg_class''), '
               'E''\\n'')));\nEND',
               o.name, 'pipeline-console: the former ' || pg_catalog.replace(t.name, E'\n', ' ')
                   || ', kept by partition-table', t.name, t.name)) END, NULL,
         CASE WHEN t.attached THEN 'describes the partition' ELSE 'describes the old table and records the comparison'
             END, NULL
    FROM t, old o
  UNION ALL
  SELECT 26, pg_catalog.format('COMMENT ON TABLE %%s IS %%L', t.name, t.comment), NULL,
         'restores the comment of the table', NULL FROM t
  UNION ALL
  SELECT 27, pg_catalog.format('ALTER TABLE %%s DROP CONSTRAINT pipeline_console_bounds', o.name), NULL,
         'redundant: the partition bound enforces the same condition', NULL
    FROM t, old o WHERE t.attached
)
SELECT s.sql, coalesce(s.lock, '') AS lock, t.name AS "on", 'swap' AS "group", s.note, s.holds_up, o.name AS old
  FROM step s, t, old o WHERE s.sql <> '' ORDER BY s.ordinal
