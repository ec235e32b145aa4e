-- What decides whether a statement goes through whole tables: their columns, constraints and storage, the types and the
-- functions that it names. One row for each fact.
WITH wanted AS MATERIALIZED (
  SELECT DISTINCT o.oid::oid AS oid FROM pg_catalog.unnest(%(oids)s::bigint[]) o(oid)
), typed AS MATERIALIZED (
  SELECT t.text, coalesce((SELECT y.oid
                             FROM pg_catalog.pg_type y
                             JOIN pg_catalog.pg_namespace n ON n.oid = y.typnamespace
                            WHERE y.typname = t.simple AND n.nspname = ANY (%(path)s::text[])
                            ORDER BY pg_catalog.array_position(%(path)s::text[], n.nspname::text) LIMIT 1),
                          pg_catalog.to_regtype(t.text)::oid) AS oid
    FROM ROWS FROM (pg_catalog.unnest(%(types)s::text[]), pg_catalog.unnest(%(simple)s::text[])) t(text, simple)
), based AS MATERIALIZED (
  WITH RECURSIVE base AS (
    SELECT t.text, t.oid AS own, y.oid, y.typtype, y.typbasetype, y.typdefaultbin IS NOT NULL AS has_default,
           y.typnotnull OR EXISTS (SELECT FROM pg_catalog.pg_constraint k WHERE k.contypid = y.oid) AS is_bound
      FROM typed t
      JOIN pg_catalog.pg_type y ON y.oid = t.oid
     UNION ALL
    SELECT b.text, b.own, y.oid, y.typtype, y.typbasetype, b.has_default OR y.typdefaultbin IS NOT NULL,
           b.is_bound OR y.typnotnull OR EXISTS (SELECT FROM pg_catalog.pg_constraint k WHERE k.contypid = y.oid)
      FROM base b
      JOIN pg_catalog.pg_type y ON b.typtype = 'd' AND y.oid = b.typbasetype
  )
  SELECT b.text, b.own, b.oid, b.has_default, b.is_bound FROM base b WHERE b.typtype <> 'd'
)
SELECT 'table' AS what, c.oid::bigint AS oid, c.relkind::text AS name, c.relpersistence::text AS kind,
       coalesce(a.amname, '')::text AS other, NULL::bigint AS type,
       CASE WHEN c.relpages > 0 OR c.reltuples >= 0 THEN c.relpages::float8 * s.block END AS bytes,
       (SELECT coalesce(pg_catalog.sum(x.relpages), 0)::float8 * s.block
          FROM pg_catalog.pg_index i
          JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid WHERE i.indrelid = c.oid)
       + coalesce((SELECT t.relpages::float8 * s.block FROM pg_catalog.pg_class t WHERE t.oid = c.reltoastrelid), 0)
         AS further,
       coalesce(p.spcname, (SELECT d.spcname
                              FROM pg_catalog.pg_database b
                              JOIN pg_catalog.pg_tablespace d ON d.oid = b.dattablespace
                             WHERE b.datname = pg_catalog.current_database()))::text AS place,
       NULL::boolean AS flag
  FROM wanted w
  JOIN pg_catalog.pg_class c ON c.oid = w.oid
  LEFT JOIN pg_catalog.pg_am a ON a.oid = c.relam
  LEFT JOIN pg_catalog.pg_tablespace p ON p.oid = c.reltablespace
 CROSS JOIN (SELECT pg_catalog.current_setting('block_size')::float8 AS block) s
 UNION ALL
SELECT 'column', t.attrelid::bigint, t.attname::text, t.attgenerated::text,
       pg_catalog.format_type(t.atttypid, t.atttypmod),
       coalesce(nullif(y.typbasetype, 0), t.atttypid)::bigint, NULL, NULL, NULL, t.attnotnull
  FROM wanted w
  JOIN pg_catalog.pg_attribute t ON t.attrelid = w.oid AND t.attnum > 0 AND NOT t.attisdropped
  JOIN pg_catalog.pg_type y ON y.oid = t.atttypid
 UNION ALL
SELECT 'check', k.conrelid::bigint, k.conname::text, k.contype::text, pg_catalog.pg_get_constraintdef(k.oid),
       NULL, NULL, NULL,
       (SELECT pg_catalog.string_agg(t.attname, ' ')
          FROM pg_catalog.pg_attribute t WHERE t.attrelid = k.conrelid AND t.attnum = ANY (k.conkey)), k.convalidated
  FROM wanted w
  JOIN pg_catalog.pg_constraint k ON k.conrelid = w.oid AND k.contype IN ('c', 'f', 'n')
 UNION ALL
SELECT 'index', i.indrelid::bigint, x.relname::text, NULL, pg_catalog.quote_ident(n.nspname), NULL, NULL, NULL,
       (SELECT coalesce(pg_catalog.string_agg(coalesce(t.attname, ''), ' ' ORDER BY k.at), '')
          FROM pg_catalog.unnest(i.indkey::smallint[]) WITH ORDINALITY k(attnum, at)
          LEFT JOIN pg_catalog.pg_attribute t ON t.attrelid = i.indrelid AND t.attnum = k.attnum), i.indisvalid
  FROM wanted w
  JOIN pg_catalog.pg_index i ON i.indrelid = w.oid
  JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid
  JOIN pg_catalog.pg_namespace n ON n.oid = x.relnamespace
 UNION ALL
SELECT 'type', b.own::bigint, b.text, NULL, NULL, b.oid::bigint, NULL, NULL,
       CASE WHEN b.has_default THEN 'default' END, b.is_bound
  FROM based b
 UNION ALL
SELECT 'cast', c.castsource::bigint, NULL, NULL, NULL, c.casttarget::bigint, NULL, NULL, NULL, NULL
  FROM based b
  JOIN pg_catalog.pg_cast c ON c.casttarget = b.oid AND c.castmethod = 'b'
 UNION ALL
SELECT 'function', NULL, f.name, NULL, NULL, NULL, NULL, NULL, NULL,
       CASE WHEN pg_catalog.bool_and(p.provolatile = 'v' AND l.lanname <> 'sql') THEN true  -- that may be inlined
            WHEN NOT pg_catalog.bool_or(p.provolatile = 'v') THEN false END
  FROM pg_catalog.unnest(%(functions)s::text[]) f(name)
  JOIN pg_catalog.pg_proc p ON p.proname = f.name
  JOIN pg_catalog.pg_language l ON l.oid = p.prolang
 GROUP BY f.name
