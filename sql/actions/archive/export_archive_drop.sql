-- The statements that drop a month's partition, once the session knows of an export that has been read back.
--
-- Its rows are compared with the export twice: before anything is touched, and again in the transaction that drops it,
-- while nobody else is at the table. A detached partition has a mark in front of its comment, by which it is found
-- again.
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
         pg_catalog.format('the rows of %%s are not those that were exported; move the files away and export it again',
                           p.name) AS changed
    FROM piece p
), last AS (
  SELECT c.oid, pg_catalog.format('LOCK TABLE ONLY %%s IN ACCESS EXCLUSIVE MODE; IF %%sEXISTS (%%s inhparent %%s) THEN '
                                  'RAISE EXCEPTION USING MESSAGE = %%L; END IF; ',
           c.name, CASE WHEN c.way = 'whole' THEN 'NOT ' ELSE '' END, c.link,
           CASE WHEN c.way = 'whole' THEN pg_catalog.format('= %%s', %(parent)s::bigint) ELSE 'IS NOT NULL' END,
           pg_catalog.format('%%s was attached or detached meanwhile; run this again', c.name)) AS locked
    FROM checked c
), step AS (
  SELECT 10 AS ordinal, pg_catalog.format('DO %%L', pg_catalog.format('BEGIN %%s%%L; END IF; END', c.condition,
        c.changed)) AS sql,
         'ACCESS SHARE on ' || c.name AS lock, c.name AS "on", true AS transaction, 'check' AS "group",
         'fails when the rows are not those that were exported; nothing has been touched then' AS note,
         NULL::float8 AS lock_timeout, NULL AS again
    FROM checked c
  UNION ALL
  SELECT 20, pg_catalog.format('COMMENT ON TABLE %%s IS %%L', c.name, c.mark || coalesce(E'\n' || c.description, '')),
         'SHARE UPDATE EXCLUSIVE on ' || c.name, c.name, true, 'mark',
         'a mark, by which a run that is interrupted finds its way', NULL, NULL
    FROM checked c WHERE c.way = 'detach' AND NOT coalesce(pg_catalog.starts_with(c.description, c.mark), false)
  UNION ALL
  SELECT 30, c.detach || CASE c.way WHEN 'finalize' THEN ' FINALIZE' ELSE ' CONCURRENTLY' END,
         pg_catalog.format('SHARE UPDATE EXCLUSIVE on %%s; ACCESS EXCLUSIVE on %%s at the end', c.archive, c.name),
         c.archive, false, '',
         pg_catalog.format('readers and writers of other months go on; until the drop, %%s takes it back', c.attach),
         CASE WHEN c.way = 'detach' THEN 5 END,
         pg_catalog.format('SELECT %%L, NULL::float8 WHERE EXISTS (%%s inhdetachpending) UNION ALL SELECT %%L, 5 WHERE '
                           'EXISTS (%%s NOT inhdetachpending)',
                           c.detach || ' FINALIZE', c.link, c.detach || ' CONCURRENTLY', c.link)
    FROM checked c WHERE c.way IN ('detach', 'finalize')
  UNION ALL
  SELECT 40, pg_catalog.format('DO %%L', pg_catalog.format('BEGIN %%s%%s%%L; END IF; END', l.locked, c.condition,
                                                           c.changed || CASE WHEN c.way = 'whole' THEN ''
                                                               ELSE ', or take it back: ' || c.attach END)),
         'ACCESS EXCLUSIVE on ' || c.name, c.name, true, 'drop', 'fails when rows came, went or changed since', NULL,
         NULL
    FROM checked c JOIN last l ON l.oid = c.oid
  UNION ALL
  SELECT 50, 'DROP TABLE ' || c.name,
         'ACCESS EXCLUSIVE on ' || c.name || CASE WHEN c.way = 'whole' THEN ' and ' || c.archive ELSE '' END,
         CASE WHEN c.way = 'whole' THEN c.archive ELSE c.name END, true, 'drop',
         'in the same transaction as the check; only the exported file brings the rows back', NULL, NULL
    FROM checked c
)
SELECT s.sql, s.lock, s."on", s.transaction, s."group", s.note, s.lock_timeout, s.again FROM step s ORDER BY s.ordinal
