-- Builds, online, the unique index for a primary key that includes the partition key.
WITH t AS MATERIALIZED (
  SELECT c.oid, c.relnamespace, n.nspname, pg_catalog.format('%%I.%%I', n.nspname, c.relname) AS name,
         'pipeline_console_' || c.oid || '_key' AS index_name,
         pg_catalog.format('%%I.%%I', n.nspname, 'pipeline_console_' || c.oid || '_key') AS index
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
   WHERE c.oid = %(oid)s::bigint::oid
), present AS MATERIALIZED (
  SELECT x.oid, i.indrelid = t.oid AND i.indisunique AND i.indpred IS NULL
                AND ARRAY(SELECT a.attname::text FROM pg_catalog.unnest(i.indkey) WITH ORDINALITY k(at, n)
                            JOIN pg_catalog.pg_attribute a ON a.attrelid = t.oid AND a.attnum = k.at
                           WHERE k.n <= i.indnkeyatts ORDER BY k.n) = %(handle)s::text[] AS ours,
                           i.indisvalid AND i.indisready AS whole
    FROM t JOIN pg_catalog.pg_class x ON x.relnamespace = t.relnamespace AND x.relname = t.index_name
    LEFT JOIN pg_catalog.pg_index i ON i.indexrelid = x.oid
   WHERE NOT %(from_start)s
), build AS MATERIALIZED (
  SELECT 'DROP INDEX CONCURRENTLY ' || t.index AS dropped,
         pg_catalog.format('CREATE UNIQUE INDEX CONCURRENTLY %%I ON %%s (%%s)%%s', t.index_name, t.name,
           (SELECT pg_catalog.string_agg(pg_catalog.quote_ident(h.name), ', ' ORDER BY h.n)
            FROM pg_catalog.unnest(%(handle)s::text[]) WITH ORDINALITY h(name, n)),
           coalesce((SELECT ' INCLUDE (' || pg_catalog.string_agg(pg_catalog.quote_ident(a.attname), ', ' ORDER BY x.n)
                     || ')'
              FROM pg_catalog.pg_index i CROSS JOIN pg_catalog.unnest(i.indkey) WITH ORDINALITY x(at, n)
              JOIN pg_catalog.pg_attribute a ON a.attrelid = t.oid AND a.attnum = x.at
             WHERE i.indrelid = t.oid AND i.indisprimary AND x.n > i.indnkeyatts
               AND NOT a.attname = ANY (%(handle)s::text[])), '')) AS created,
         pg_catalog.format('SELECT FROM pg_catalog.pg_index i WHERE i.indexrelid = pg_catalog.to_regclass(%%L)',
                           t.index) AS there, t.*
    FROM t
)
SELECT pg_catalog.format('%%s exists but was not created by partition-table; the name is needed.', b.index)
       AS refused, 'Rename it.' AS remedy,
       NULL AS sql, NULL AS lock, NULL AS "on", false AS transaction, NULL::float8 AS lock_timeout, NULL AS note,
       NULL AS expect, NULL AS again, 0 AS ordinal
  FROM build b, present p WHERE p.ours IS NOT TRUE
UNION ALL
SELECT NULL, NULL, b.dropped, 'SHARE UPDATE EXCLUSIVE on ' || b.name, b.name, false, 0,
       'left unfinished by an earlier run', NULL, NULL, 1
  FROM build b, present p WHERE p.ours AND NOT p.whole
UNION ALL
SELECT NULL, NULL, b.created, 'SHARE UPDATE EXCLUSIVE on ' || b.name, b.name, false, 0,
       'built without blocking reads or writes; becomes the primary key',
       pg_catalog.format('SELECT EXISTS (%%s AND i.indisvalid)', b.there),
       pg_catalog.format('SELECT s.sql, 0::float8 FROM (SELECT 1 AS at, %%L AS sql WHERE EXISTS (%%s AND NOT '
                         'i.indisvalid) '
         'UNION ALL SELECT 2, %%L WHERE NOT EXISTS (%%s AND i.indisvalid)) s ORDER BY s.at', b.dropped, b.there,
         b.created, b.there), 2
  FROM build b WHERE NOT EXISTS (SELECT FROM present p WHERE p.whole)
 ORDER BY ordinal
