-- Statements that copy a table into the partitions of its new parent, online.
--
-- A trigger records only the keys of written rows, so that no write can fail because of the copy. The copy takes ranges
-- of pages without locking rows; each batch stores its position. Then the recorded rows are applied: a row is deleted
-- and inserted as the statement's snapshot shows it, and later changes are recorded again. Before the swap, both tables
-- are compared in one snapshot, without the recorded rows.
WITH t AS MATERIALIZED (
  SELECT c.oid, c.relnamespace, n.nspname, c.relpages, pg_catalog.format('%%I.%%I', n.nspname, c.relname) AS name,
         'pipeline_console_' || c.oid AS stem,
         pg_catalog.format('%%I.%%I', n.nspname, 'pipeline_console_' || c.oid || '_new') AS parent,
         pg_catalog.format('%%I.%%I', n.nspname, 'pipeline_console_' || c.oid || '_log') AS log,
         pg_catalog.format('%%I.%%I', n.nspname, 'pipeline_console_' || c.oid || '_at') AS place,
         pg_catalog.format('%%I.%%I', n.nspname, 'pipeline_console_' || c.oid || '_track') AS track,
         pg_catalog.format('SET LOCAL lock_timeout = ''%%sms''', %(patience)s::integer) AS patience,
         NOT %(fresh)s AND (SELECT pg_catalog.count(*) FROM pg_catalog.pg_trigger g WHERE g.tgrelid = c.oid
                            AND g.tgenabled = 'A'
             AND g.tgname IN ('pipeline_console_' || c.oid || '_rows', 'pipeline_console_' || c.oid || '_truncate')) = 2
                 AS tracked,
         pg_catalog.format('pipeline-console: partition-table of %%s', c.oid) AS mark
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
   WHERE c.oid = %(oid)s::bigint::oid
), handle AS MATERIALIZED (
  SELECT pg_catalog.string_agg(pg_catalog.quote_ident(h.name), ', ' ORDER BY h.n) AS names,
         pg_catalog.string_agg(pg_catalog.format('OLD.%%I', h.name), ', ' ORDER BY h.n) AS old,
         pg_catalog.string_agg(pg_catalog.format('NEW.%%I', h.name), ', ' ORDER BY h.n) AS new,
         pg_catalog.string_agg(pg_catalog.format('x.%%1$I = y.%%1$I', h.name), ' AND ' ORDER BY h.n) AS same
    FROM pg_catalog.unnest(%(handle)s::text[]) WITH ORDINALITY h(name, n)
), field AS MATERIALIZED (
  SELECT pg_catalog.string_agg(pg_catalog.quote_ident(a.attname), ', ' ORDER BY a.attnum) AS names,
         pg_catalog.string_agg('x.' || pg_catalog.quote_ident(a.attname), ', ' ORDER BY a.attnum) AS ours,
         pg_catalog.string_agg(CASE WHEN a.atttypid IN (16, 17, 18, 19, 20, 21, 23, 25, 26, 700, 701, 869, 1042, 1043,
                                                        1082, 1083, 1114, 1184,
                                                        1186, 1266, 1700, 2950, 3802)
                                                            THEN pg_catalog.quote_ident(a.attname)
                                    ELSE pg_catalog.format('CASE WHEN pg_catalog.num_nulls(%%1$I) = 0 THEN '
                                                           'pg_catalog.format(''%%%%s'', %%1$I) END', a.attname)
                               END, ', ' ORDER BY a.attnum) AS hashed
    FROM t JOIN pg_catalog.pg_attribute a ON a.attrelid = t.oid AND a.attnum > 0 AND NOT a.attisdropped
      AND a.attgenerated = ''
), text AS MATERIALIZED (
  SELECT pg_catalog.format('pg_catalog.count(*) AS n, pg_catalog.sum(pg_catalog.hash_record_extended(ROW(%%s), 0)) AS '
                           'sum', f.hashed) AS digest,
         pg_catalog.format('WITH here AS MATERIALIZED (SELECT CASE WHEN s.file = '
                           'pg_catalog.pg_relation_filenode(%%1$s) THEN s.page ELSE 0 END AS page '
           'FROM %%2$s s), source AS (SELECT %%3$s FROM ONLY %%4$s WHERE ctid >= pg_catalog.format(''(%%%%s,0)'', '
           '(SELECT page FROM here))::pg_catalog.tid '
           'AND ctid < pg_catalog.format(''(%%%%s,0)'', (SELECT page + 128 FROM here))::pg_catalog.tid), '
           'kept AS (INSERT INTO %%5$s (%%3$s) OVERRIDING SYSTEM VALUE SELECT %%3$s FROM source ON CONFLICT DO NOTHING '
           'RETURNING 1), '
           'further AS (UPDATE %%2$s SET page = (SELECT page + 128 FROM here), file = '
           'pg_catalog.pg_relation_filenode(%%1$s)) '
           'SELECT (SELECT pg_catalog.count(*) FROM kept) AS moved, (SELECT page + 128 FROM here) * %%6$s < '
           'pg_catalog.pg_relation_size(%%1$s) AS more',
           t.oid, t.place, f.names, t.name, t.parent, pg_catalog.current_setting('block_size')) AS copy,
         pg_catalog.format('WITH batch AS (DELETE FROM %%1$s WHERE ctid = ANY (ARRAY(SELECT ctid FROM %%1$s LIMIT '
                           '5000)) RETURNING %%2$s), touched AS MATERIALIZED (SELECT DISTINCT %%2$s FROM batch), fresh '
                           'AS MATERIALIZED (SELECT %%3$s FROM touched y JOIN ONLY %%4$s x ON %%5$s), gone AS (DELETE '
                           'FROM %%6$s x USING touched y WHERE %%5$s RETURNING 1), kept AS (INSERT INTO %%6$s (%%7$s) '
                           'OVERRIDING SYSTEM VALUE SELECT %%7$s FROM fresh WHERE (SELECT pg_catalog.count(*) FROM '
                           'gone) >= 0 RETURNING %%7$s), given AS (SELECT %%8$s FROM fresh), arrived AS (SELECT %%8$s '
                           'FROM kept) SELECT CASE WHEN g.n = a.n AND g.sum IS NOT DISTINCT FROM a.sum THEN b.n ELSE '
                           'pg_catalog.format(''%%%%s rows read, %%%%s written, or checksums differ'', g.n, '
                           'a.n)::bigint END AS moved, b.n >= 5000 AS more FROM given g, arrived a, (SELECT '
                           'pg_catalog.count(*) AS n FROM batch) b',
           t.log, h.names, f.ours, t.name, h.same, t.parent, f.names,
           pg_catalog.format('pg_catalog.count(*) AS n, pg_catalog.sum(pg_catalog.hash_record_extended(ROW(%%s), 0)) '
                             'AS sum', f.hashed)) AS apply
    FROM t, handle h, field f
), step AS (
  SELECT 10 AS ordinal, pg_catalog.concat_ws(E';\n', pg_catalog.format('DROP TABLE IF EXISTS %%s, %%s', t.log, t.place),
                                             'TRUNCATE ' || t.parent,
           pg_catalog.format('CREATE TABLE %%s AS SELECT %%s FROM ONLY %%s WITH NO DATA', t.log, h.names, t.name),
           pg_catalog.format('COMMENT ON TABLE %%s IS %%L', t.log, t.mark),
           pg_catalog.format('CREATE TABLE %%s AS SELECT 0::bigint AS page, 0::oid AS file', t.place),
           pg_catalog.format('COMMENT ON TABLE %%s IS %%L', t.place, t.mark)) AS sql,
         'new tables only' AS lock, NULL AS "on", 'track' AS "group", NULL AS estimate,
         'log of written rows, and progress of the copy' AS note,
         false AS repeat, 0 AS total, NULL AS holds_up
    FROM t, handle h WHERE NOT t.tracked
  UNION ALL
  SELECT 11, pg_catalog.format('CREATE OR REPLACE FUNCTION %%s() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET '
                               'search_path = pg_catalog, pg_temp AS %%L',
           t.track, pg_catalog.format(E'BEGIN\n  IF TG_OP = ''TRUNCATE'' THEN TRUNCATE %%1$s; RETURN NULL; END IF;\n'
             '  IF TG_OP <> ''INSERT'' THEN INSERT INTO %%2$s (%%3$s) VALUES (%%4$s); END IF;\n'
             '  IF TG_OP <> ''DELETE'' THEN INSERT INTO %%2$s (%%3$s) VALUES (%%5$s); END IF;\n  RETURN NULL;\nEND',
             t.parent, t.log, h.names, h.old, h.new))
         || pg_catalog.format(E';\nREVOKE ALL ON FUNCTION %%s() FROM PUBLIC', t.track),
         'a new function', NULL, 'track', NULL,
         'records the key of each written row; SECURITY DEFINER, so that writers need no rights on the log', false, 0,
         NULL
    FROM t, handle h WHERE NOT t.tracked
  UNION ALL
  SELECT 12, pg_catalog.concat_ws(E';\n', t.patience,
           (SELECT pg_catalog.string_agg(pg_catalog.format('DROP TRIGGER %%I ON %%s', g.tgname, t.name), E';\n')
            FROM pg_catalog.pg_trigger g
             WHERE NOT %(fresh)s AND g.tgrelid = t.oid AND g.tgname IN (t.stem || '_rows', t.stem || '_truncate')),
           pg_catalog.format('CREATE TRIGGER %%I AFTER INSERT OR UPDATE OR DELETE ON %%s FOR EACH ROW EXECUTE FUNCTION '
                             '%%s()', t.stem || '_rows', t.name, t.track),
           pg_catalog.format('CREATE TRIGGER %%I AFTER TRUNCATE ON %%s FOR EACH STATEMENT EXECUTE FUNCTION %%s()',
                             t.stem || '_truncate', t.name, t.track),
           pg_catalog.format('ALTER TABLE %%s ENABLE ALWAYS TRIGGER %%I', t.name, t.stem || '_rows'),
           pg_catalog.format('ALTER TABLE %%s ENABLE ALWAYS TRIGGER %%I', t.name, t.stem || '_truncate')),
         'SHARE ROW EXCLUSIVE on ' || t.name, t.name, 'track', NULL,
         'from now on every write is recorded, including writes by replication', false, 0,
         'writers of ' || t.name
    FROM t WHERE NOT t.tracked
  UNION ALL
  SELECT 20, x.copy, 'ACCESS SHARE on ' || t.name, t.name, 'copy',
         pg_catalog.format('about %%s rows, %%s; writes as much again as WAL and needs as much disk space',
                           %(rows)s::bigint,
           pg_catalog.pg_size_pretty(t.relpages * pg_catalog.current_setting('block_size')::bigint)),
         'copies rows without locking them; one transaction per 128 pages', true, %(rows)s::bigint, NULL
    FROM t, text x
  UNION ALL
  SELECT 40, 'ANALYZE ' || t.parent, 'SHARE UPDATE EXCLUSIVE on the new table only', NULL, 'analyze', NULL,
         'statistics for the planner before the swap', false, 0, NULL
    FROM t
  UNION ALL
  SELECT 50, x.apply, 'ACCESS SHARE on ' || t.name, t.name, 'apply', NULL, 'applies rows written meanwhile', true, 0,
         NULL FROM t, text x
  UNION ALL
  SELECT 60, pg_catalog.format('DO %%L', pg_catalog.format(
           E'#variable_conflict use_column\nDECLARE\n  old record;\nBEGIN\n  WITH o AS (SELECT %%1$s FROM ONLY %%2$s x '
           'WHERE NOT EXISTS (SELECT FROM %%3$s y WHERE %%4$s)),\n       p AS (SELECT %%1$s FROM %%5$s x WHERE NOT '
           'EXISTS (SELECT FROM %%3$s y WHERE %%4$s))\n  SELECT o.n AS old_n, o.sum AS old_sum, p.n AS new_n, p.sum AS '
           'new_sum INTO old FROM o, p;\n  IF (old.old_n, old.old_sum) IS DISTINCT FROM (old.new_n, old.new_sum) '
           'THEN\n    RAISE EXCEPTION ''The copy differs: %%%% rows in the table, %%%% in the copy, or checksums '
           'differ'', old.old_n, old.new_n;\n  END IF;\n  EXECUTE pg_catalog.format(''COMMENT ON TABLE %%%%s IS '
           '%%%%L'', %%6$L,\n    pg_catalog.split_part(pg_catalog.obj_description(%%6$L::pg_catalog.regclass, '
           '''pg_class''), E''\\n'', 1) ||\n    pg_catalog.format(E''\\nbefore swap: rows=%%%%s checksum=%%%%s '
           'at=%%%%s UTC'', old.old_n, coalesce(old.old_sum, 0),\n      '
           'pg_catalog.to_char(pg_catalog.clock_timestamp(), ''YYYY-MM-DD HH24:MI:SS'')));\nEND',
           x.digest, t.name, t.log, h.same, t.parent, t.parent)),
         'ACCESS SHARE on ' || t.name, t.name, 'proof', 'scans both tables',
         'compares count and checksum of both tables in one snapshot, without rows recorded since',
         false, 0, NULL
    FROM t, text x, handle h
  UNION ALL
  SELECT 70, x.apply, 'ACCESS SHARE on ' || t.name, t.name, 'apply again', NULL,
         'applies rows written during the comparison', true,
         0, NULL FROM t, text x
)
SELECT CASE WHEN o.name IS NOT NULL THEN o.name || ' exists but was not created by partition-table; the name is needed.'
       END AS refused,
       CASE WHEN o.name IS NOT NULL THEN 'Rename it.' END AS remedy,
       s.sql, s.lock, s."on", s."group", s.estimate, s.note, s.repeat, s.total, s.holds_up, s.ordinal
  FROM step s
  LEFT JOIN (SELECT pg_catalog.min(x.name) AS name
               FROM t, pg_catalog.pg_class c CROSS JOIN LATERAL (SELECT pg_catalog.format('%%I.%%I', t.nspname,
                     c.relname) AS name) x
              WHERE c.relnamespace = t.relnamespace AND c.relname IN (t.stem || '_log', t.stem || '_at')
                AND pg_catalog.obj_description(c.oid, 'pg_class') IS DISTINCT FROM t.mark) o ON true
 ORDER BY s.ordinal
