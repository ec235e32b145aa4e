-- Statements that drop the partition of a month, once its export has been read back.
--
-- Its rows are compared with the export twice: before anything is changed, and again in the transaction that drops it,
-- while nothing else uses the table. A detached partition has a progress marker in front of its comment.
WITH piece AS MATERIALIZED (
  SELECT c.oid, %(name)s::text AS name, %(archive)s::text AS archive, %(way)s::text AS way, %(bounds)s::text AS bounds,
         d.description,
         pg_catalog.format('pipeline-console: to be dropped from %%s, %%s', %(archive)s::text, %(bounds)s::text)
             AS mark,
         pg_catalog.format('ALTER TABLE %%s DETACH PARTITION %%s', %(archive)s::text, %(name)s::text) AS detach,
         pg_catalog.format('ALTER TABLE %%s ATTACH PARTITION %%s FOR VALUES %%s', %(archive)s::text, %(name)s::text,
                           %(bounds)s::text) AS attach,
         (SELECT pg_catalog.format(
            'SELECT pg_catalog.concat_ws('' '', pg_catalog.count(*), '
            'coalesce(pg_catalog.sum(pg_catalog.hashtextextended(ROW(%%s)::text, 0)), 0)) FROM ONLY %%s',
            pg_catalog.string_agg(pg_catalog.quote_ident(a.attname), ', ' ORDER BY a.attnum), %(name)s::text)
            FROM pg_catalog.pg_attribute a
           WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '') AS digest,
         (SELECT pg_catalog.count(*) FROM pg_catalog.pg_attribute a
           WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped) AS width,
         pg_catalog.format('SELECT 1 FROM pg_catalog.pg_inherits WHERE inhrelid = %%s AND ', c.oid) AS link
    FROM pg_catalog.pg_class c
    LEFT JOIN pg_catalog.pg_description d
      ON d.objoid = c.oid AND d.classoid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objsubid = 0
   WHERE c.oid = %(oid)s::bigint::oid
), checked AS MATERIALIZED (
  SELECT p.*, pg_catalog.format(
           'IF (%%s) IS DISTINCT FROM pg_catalog.current_setting(''pipeline_console.exported'', true)'
           ' OR (SELECT pg_catalog.count(*) FROM pg_catalog.pg_attribute WHERE attrelid = %%s AND attnum > 0 AND NOT '
           'attisdropped) <> %%s'
           ' THEN RAISE EXCEPTION USING MESSAGE = ', p.digest, p.oid, p.width) AS condition,
         pg_catalog.format('the rows of %%s differ from the exported ones; move the files away and export again',
                           p.name) AS changed
    FROM piece p
), last AS (
  SELECT c.oid, pg_catalog.format('LOCK TABLE ONLY %%s IN ACCESS EXCLUSIVE MODE; IF %%sEXISTS (%%s inhparent %%s) THEN '
                                  'RAISE EXCEPTION USING MESSAGE = %%L; END IF; ',
           c.name, CASE WHEN c.way = 'whole' THEN 'NOT ' ELSE '' END, c.link,
           CASE WHEN c.way = 'whole' THEN pg_catalog.format('= %%s', %(parent)s::bigint) ELSE 'IS NOT NULL' END,
           pg_catalog.format('%%s was attached or detached meanwhile; run this action again', c.name)) AS locked
    FROM checked c
), step AS (
  SELECT 10 AS ordinal, pg_catalog.format('DO %%L', pg_catalog.format('BEGIN %%s%%L; END IF; END', c.condition,
        c.changed)) AS sql,
         'ACCESS SHARE on ' || c.name AS lock, c.name AS "on", true AS transaction, 'check' AS "group",
         'fails if the rows differ from the exported ones, before anything is changed' AS note,
         NULL::float8 AS lock_timeout, NULL AS again
    FROM checked c
  UNION ALL
  SELECT 20, pg_catalog.format('COMMENT ON TABLE %%s IS %%L', c.name, c.mark || coalesce(E'\n' || c.description, '')),
         'SHARE UPDATE EXCLUSIVE on ' || c.name, c.name, true, 'mark',
         'progress marker for resuming an interrupted run', NULL, NULL
    FROM checked c WHERE c.way = 'detach' AND NOT coalesce(pg_catalog.starts_with(c.description, c.mark), false)
  UNION ALL
  SELECT 30, c.detach || CASE c.way WHEN 'finalize' THEN ' FINALIZE' ELSE ' CONCURRENTLY' END,
         pg_catalog.format('SHARE UPDATE EXCLUSIVE on %%s; ACCESS EXCLUSIVE on %%s at the end', c.archive, c.name),
         c.archive, false, '',
         pg_catalog.format('other partitions stay readable and writable; until the drop, %%s undoes it', c.attach),
         CASE WHEN c.way = 'detach' THEN 5 END,
         pg_catalog.format('SELECT %%L, NULL::float8 WHERE EXISTS (%%s inhdetachpending) UNION ALL SELECT %%L, 5 WHERE '
                           'EXISTS (%%s NOT inhdetachpending)',
                           c.detach || ' FINALIZE', c.link, c.detach || ' CONCURRENTLY', c.link)
    FROM checked c WHERE c.way IN ('detach', 'finalize')
  UNION ALL
  SELECT 40, pg_catalog.format('DO %%L', pg_catalog.format('BEGIN %%s%%s%%L; END IF; END', l.locked, c.condition,
                                                           c.changed || CASE WHEN c.way = 'whole' THEN ''
                                                               ELSE ', or undo it: ' || c.attach END)),
         'ACCESS EXCLUSIVE on ' || c.name, c.name, true, 'drop', 'fails if rows were added, deleted or changed since',
         NULL,
         NULL
    FROM checked c JOIN last l ON l.oid = c.oid
  UNION ALL
  SELECT 50, 'DROP TABLE ' || c.name,
         'ACCESS EXCLUSIVE on ' || c.name || CASE WHEN c.way = 'whole' THEN ' and ' || c.archive ELSE '' END,
         CASE WHEN c.way = 'whole' THEN c.archive ELSE c.name END, true, 'drop',
         'in the same transaction as the check; only the exported file can restore the rows', NULL, NULL
    FROM checked c
)
SELECT s.sql, s.lock, s."on", s.transaction, s."group", s.note, s.lock_timeout, s.again FROM step s ORDER BY s.ordinal
