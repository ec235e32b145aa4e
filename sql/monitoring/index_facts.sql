-- What some indexes are for: whether something needs them, whether another index serves the same queries.
-- An index is redundant when another valid one of its table has the same access method, starts (btree) or consists of
-- the same columns with the same operator classes, collations, orders and expressions, holds its INCLUDE columns and
-- has the same predicate. A unique index is only covered by another unique one with the same columns.
WITH asked AS MATERIALIZED (
  SELECT c.oid, c.relam, c.relname, c.reloptions, t.relname::text AS "table", i.*,
         pg_catalog.array_length(i.indkey, 1) AS natts,
         i.indkey::int2[] AS keys, i.indclass::oid[] AS classes, i.indcollation::oid[] AS collations,
         i.indoption::int2[] AS orders
    FROM pg_catalog.unnest(%(oid)s::bigint[]) w(oid)
   CROSS JOIN LATERAL (SELECT * FROM pg_catalog.pg_index x WHERE x.indexrelid = w.oid::oid OFFSET 0) i
    JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
    JOIN pg_catalog.pg_class t ON t.oid = i.indrelid
), known AS MATERIALIZED (
  SELECT a.*, (SELECT k.contype::text FROM pg_catalog.pg_constraint k
                WHERE k.conrelid = a.indrelid AND k.conindid = a.oid AND k.contype IN ('p', 'u', 'x') LIMIT 1) AS backs,
         -- A scalar subquery, because EXISTS would be answered by hashing all of pg_depend.
         coalesce((SELECT true FROM pg_catalog.pg_depend d
                    WHERE d.refclassid = 1259 AND d.refobjid = a.oid AND d.classid = 2606 AND d.deptype = 'n' LIMIT 1),
                  false) AS referenced,
         EXISTS (SELECT FROM pg_catalog.pg_inherits h WHERE h.inhrelid = a.oid) AS is_child
    FROM asked a
), leads AS MATERIALIZED (
  -- Valid indexes that support a foreign key: they begin with its columns, in any order (as in drop_index).
  SELECT f.oid AS fk, f.conname, i.indexrelid
    FROM (SELECT DISTINCT a.indrelid FROM asked a) t
    JOIN pg_catalog.pg_constraint f ON f.conrelid = t.indrelid AND f.contype = 'f'
    JOIN pg_catalog.pg_index i ON i.indrelid = f.conrelid AND i.indisvalid
    JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
   WHERE (c.relam = 403 OR c.relam = 405 AND i.indnkeyatts = 1)
     AND ((i.indkey::int2[])[0:pg_catalog.array_length(f.conkey, 1) - 1] @> f.conkey
          AND (i.indkey::int2[])[0:pg_catalog.array_length(f.conkey, 1) - 1] <@ f.conkey
          -- or with one column that is a key by itself: the others narrow nothing down
          OR EXISTS (SELECT FROM pg_catalog.pg_index u
                      WHERE u.indrelid = f.confrelid AND u.indisunique AND u.indnkeyatts = 1 AND u.indpred IS NULL
                        AND u.indkey[0] = f.confkey[pg_catalog.array_position(f.conkey, i.indkey[0])]))
     AND (i.indpred IS NULL OR i.indpred::text ~ '^\{NULLTEST :arg \{VAR [^{}]*\} :nulltesttype 1 [^{}]*\}$'
          AND (pg_catalog.regexp_match(i.indpred::text, ':varattno (\d+)'))[1]::int2 = ANY (f.conkey))
), supports AS MATERIALIZED (
  SELECT l.indexrelid, pg_catalog.string_agg(pg_catalog.quote_ident(l.conname), ', ' ORDER BY l.conname) AS names
    FROM leads l
   WHERE NOT EXISTS (SELECT FROM leads o WHERE o.fk = l.fk AND o.indexrelid <> l.indexrelid)
   GROUP BY l.indexrelid
)
SELECT k.oid::bigint AS oid, k."table", k.indisvalid AND k.indisready AND k.indislive AS valid,
       EXISTS (SELECT FROM pg_catalog.pg_stat_progress_create_index p WHERE p.index_relid = k.oid) AS building,
       CASE WHEN k.indisprimary THEN 'primary key' WHEN k.backs = 'x' OR k.indisexclusion THEN 'exclusion constraint'
            WHEN k.backs = 'u' THEN 'unique constraint' WHEN k.referenced THEN 'foreign keys refer to it'
            WHEN k.indisreplident THEN 'replica identity' WHEN k.indisunique THEN 'unique'
            WHEN k.is_child THEN 'part of a partitioned index'
            WHEN u.names IS NOT NULL THEN 'the only index supporting the foreign key ' || u.names END AS needed,
       r.covered_by, pg_catalog.pg_stat_get_numscans(k.oid) AS scans,
       pg_catalog.date_part('epoch', pg_catalog.now() - coalesce(
         pg_catalog.pg_stat_get_stat_reset_time(k.oid),  -- since 19
         pg_catalog.pg_stat_get_db_stat_reset_time(d.oid), pg_catalog.pg_stat_get_bgwriter_stat_reset_time()))
           AS counted_for,
       NULL::float8 AS last_use_age  -- before 16
       pg_catalog.date_part(  -- since 16
         'epoch', pg_catalog.now() - pg_catalog.pg_stat_get_lastscan(k.oid)) AS last_use_age  -- since 16
  FROM known k
  JOIN pg_catalog.pg_database d ON d.datname = pg_catalog.current_database()
  LEFT JOIN supports u ON u.indexrelid = k.oid
  LEFT JOIN LATERAL (
       SELECT b.relname::text AS covered_by
         FROM pg_catalog.pg_index o
         JOIN pg_catalog.pg_class b ON b.oid = o.indexrelid
        WHERE o.indrelid = k.indrelid AND o.indexrelid <> k.oid AND b.relam = k.relam
          AND k.backs IS NULL AND NOT (k.referenced OR k.indisreplident OR k.indisexclusion OR k.is_child
              OR k.indisprimary)
          AND k.indisvalid AND o.indisvalid AND o.indisready AND o.indislive
          AND (o.indnkeyatts = k.indnkeyatts OR k.relam = 403 AND o.indnkeyatts > k.indnkeyatts AND NOT k.indisunique)
          AND (NOT k.indisunique OR o.indisunique AND o.indimmediate
               AND pg_catalog.to_jsonb(o) -> 'indnullsnotdistinct'
                   IS NOT DISTINCT FROM pg_catalog.to_jsonb(k) -> 'indnullsnotdistinct')
          AND (o.indkey::int2[])[0:k.indnkeyatts - 1] = k.keys[0:k.indnkeyatts - 1]
          AND (o.indclass::oid[])[0:k.indnkeyatts - 1] = k.classes[0:k.indnkeyatts - 1]
          AND (o.indcollation::oid[])[0:k.indnkeyatts - 1] = k.collations[0:k.indnkeyatts - 1]
          AND (o.indoption::int2[])[0:k.indnkeyatts - 1] = k.orders[0:k.indnkeyatts - 1]
          AND o.indkey::int2[] @> k.keys[k.indnkeyatts:]
          AND (k.relam = 403 OR b.reloptions IS NOT DISTINCT FROM k.reloptions)
          -- Node trees of the same expression differ in the position they were written at.
          AND pg_catalog.regexp_replace(o.indpred::text, ':location -?\d+', '', 'g')
              IS NOT DISTINCT FROM pg_catalog.regexp_replace(k.indpred::text, ':location -?\d+', '', 'g')
          AND (k.indexprs IS NULL OR pg_catalog.starts_with(
                 pg_catalog.regexp_replace(o.indexprs::text, ':location -?\d+', '', 'g'),
                 pg_catalog.rtrim(pg_catalog.regexp_replace(k.indexprs::text, ':location -?\d+', '', 'g'), ')')))
          AND NOT EXISTS (SELECT FROM pg_catalog.pg_attribute x JOIN pg_catalog.pg_attribute y ON y.attnum = x.attnum
                           WHERE x.attrelid = k.oid AND y.attrelid = o.indexrelid AND x.attnum <= k.indnkeyatts
                             AND x.attoptions IS DISTINCT FROM y.attoptions)
          -- Of two that cover each other the one that something needs stays, else the older one.
          AND (o.indnkeyatts > k.indnkeyatts OR o.indnatts > k.indnatts
               OR (o.indisunique AND NOT k.indisunique)
               OR (o.indisunique = k.indisunique AND (o.indexrelid < k.oid
                   OR EXISTS (SELECT FROM pg_catalog.pg_constraint p
                               WHERE p.conrelid = o.indrelid AND p.conindid = o.indexrelid))))
        ORDER BY o.indisunique DESC, o.indnatts, o.indexrelid
        LIMIT 1) r ON true
