-- The statement that exports a month of an archive, and the query for its manifest, read from the same snapshot.
--
-- Generated columns are not exported: COPY cannot load them, and the server computes them again.
WITH field AS MATERIALIZED (
  SELECT pg_catalog.string_agg(pg_catalog.quote_ident(a.attname), ', ' ORDER BY a.attnum) AS names,
         pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object('name', a.attname, 'type',
                                                            pg_catalog.format_type(a.atttypid, a.atttypmod))
                              ORDER BY a.attnum)::text AS types
    FROM pg_catalog.pg_attribute a
   WHERE a.attrelid = %(oid)s::bigint::oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
)
SELECT pg_catalog.format('COPY (%%s) TO STDOUT (%%s)', q.rows, %(options)s::text) AS sql, q.rows AS query,
       'ACCESS SHARE on ' || %(name)s::text AS lock, %(name)s::text AS "on", %(file)s::text AS file,
       pg_catalog.format('%%s rows, %%s', CASE WHEN c.reltuples < 0 THEN 'unknown' ELSE 'about ' || c.reltuples::bigint
                         END,
         pg_catalog.pg_size_pretty(pg_catalog.pg_table_size(c.oid))) AS estimate,
       pg_catalog.format('written to %%s, then read back and compared', %(file)s::text) AS note,
       pg_catalog.format('SELECT %%L AS archive, %%L AS source, %%L AS month, %%L AS bounds, %%L::pg_catalog.jsonb AS '
                         'columns,'
         ' pg_catalog.current_database()::text AS database, pg_catalog.current_setting(''server_version'') AS '
         'server_version,'
         ' pg_catalog.statement_timestamp() AS exported_at, pg_catalog.count(*) AS rows,'
         ' coalesce(pg_catalog.sum(pg_catalog.hashtextextended(ROW(%%s)::text, 0)), 0)::text AS checksum FROM %%s%%s',
         %(archive)s::text, %(name)s::text, %(month)s::text, coalesce(%(bounds)s::text, %(inside)s::text), f.types,
         f.names,
         %(origin)s::text, coalesce(' WHERE ' || %(inside)s::text, '')) AS manifest,
       f.names AS columns,
       CASE pg_catalog.getdatabaseencoding() WHEN 'SQL_ASCII' THEN 'SQL_ASCII' ELSE 'UTF8' END AS encoding
  FROM field f JOIN pg_catalog.pg_class c ON c.oid = %(oid)s::bigint::oid
 CROSS JOIN LATERAL (
       SELECT pg_catalog.format('SELECT %%s FROM %%s%%s ORDER BY %%I', f.names, %(origin)s::text,
                                coalesce(' WHERE ' || %(inside)s::text, ''), %(key)s::text) AS rows) q
