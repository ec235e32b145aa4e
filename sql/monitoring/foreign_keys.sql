-- Foreign keys whose columns lead no index: each DELETE or key UPDATE of the referenced table scans the whole table.
-- A partial index serves when its predicate is only that a key column is not null, because the check implies it.
WITH missing AS MATERIALIZED (
  SELECT k.oid, k.conname, k.conrelid, k.confrelid, k.conkey
    FROM pg_catalog.pg_constraint k
   WHERE k.contype = 'f' AND k.conparentid = 0
     AND NOT EXISTS (
         SELECT FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
          WHERE i.indrelid = k.conrelid AND i.indisvalid
            AND (c.relam = 403 OR c.relam = 405 AND i.indnkeyatts = 1)  -- btree, hash
            AND ((i.indkey::int2[])[0:pg_catalog.array_length(k.conkey, 1) - 1] @> k.conkey
                 AND (i.indkey::int2[])[0:pg_catalog.array_length(k.conkey, 1) - 1] <@ k.conkey
                 -- or with one column that is a key by itself: the others narrow nothing down
                 OR EXISTS (SELECT FROM pg_catalog.pg_index u
                             WHERE u.indrelid = k.confrelid AND u.indisunique AND u.indnkeyatts = 1
                            AND u.indpred IS NULL
                               AND u.indkey[0] = k.confkey[pg_catalog.array_position(k.conkey, i.indkey[0])]))
            AND (i.indpred IS NULL OR i.indpred::text ~ '^\{NULLTEST :arg \{VAR [^{}]*\} :nulltesttype 1 [^{}]*\}$'
                 AND (pg_catalog.regexp_match(i.indpred::text, ':varattno (\d+)'))[1]::int2 = ANY (k.conkey)))
), part AS (
  WITH RECURSIVE tree AS (
    SELECT DISTINCT m.conrelid AS root, m.conrelid AS oid FROM missing m
    UNION ALL
    SELECT t.root, h.inhrelid FROM tree t JOIN pg_catalog.pg_inherits h ON h.inhparent = t.oid
  )
  SELECT t.root, pg_catalog.sum(greatest(c.relpages, 0))::bigint AS pages
    FROM tree t JOIN pg_catalog.pg_class c ON c.oid = t.oid GROUP BY t.root
)
SELECT m.oid::bigint AS oid, n.nspname || '.' || c.relname AS "table", m.conname::text AS "constraint", a.columns,
       r.nspname || '.' || f.relname AS referenced,
       p.pages * pg_catalog.current_setting('block_size')::bigint AS estimated_size,
       nullif(c.reltuples, -1)::float8 AS rows,
       pg_catalog.pg_stat_get_tuples_deleted(m.confrelid) AS deleted,
       pg_catalog.pg_stat_get_tuples_updated(m.confrelid) AS updated,
       'CREATE INDEX ' || CASE WHEN c.relkind = 'p' THEN 'ON ONLY ' ELSE 'CONCURRENTLY ON ' END
         || pg_catalog.format('%%I.%%I (%%s)', n.nspname, c.relname, a.quoted) AS remedy,
       pg_catalog.format('%%I.%%I', n.nspname, c.relname) AS target, a.quoted AS keys
  FROM missing m
  JOIN part p ON p.root = m.conrelid
  JOIN pg_catalog.pg_class c ON c.oid = m.conrelid
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_catalog.pg_class f ON f.oid = m.confrelid
  JOIN pg_catalog.pg_namespace r ON r.oid = f.relnamespace
 CROSS JOIN LATERAL (
       SELECT pg_catalog.string_agg(x.attname, ', ' ORDER BY k.at) AS columns,
              pg_catalog.string_agg(pg_catalog.quote_ident(x.attname), ', ' ORDER BY k.at) AS quoted
         FROM pg_catalog.unnest(m.conkey) WITH ORDINALITY k(attnum, at)
         JOIN pg_catalog.pg_attribute x ON x.attrelid = m.conrelid AND x.attnum = k.attnum) a
 ORDER BY p.pages DESC, c.relname, m.conname
 LIMIT 500
