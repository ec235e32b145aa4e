-- DROP INDEX CONCURRENTLY, unless something depends on the index, with the statements that recreate it.
-- lane: slow
--
-- Comment and statistics targets are removed first, each in its own step, so that undoing the steps in reverse order
-- restores everything.
WITH it AS MATERIALIZED (
  SELECT c.oid, c.relkind, c.relname, c.relpages, c.reltablespace, i.*,
         pg_catalog.format('%%I.%%I', n.nspname, c.relname) AS name,
         pg_catalog.format('%%I.%%I', m.nspname, t.relname) AS "table",
         NOT (i.indisvalid AND i.indisready AND i.indislive) AS broken,
         pg_catalog.pg_get_indexdef(c.oid) AS definition,
         ' WHERE ' || pg_catalog.pg_get_expr(i.indpred, i.indrelid) AS predicate,
         (SELECT pg_catalog.quote_ident(s.spcname) FROM pg_catalog.pg_tablespace s WHERE s.oid = c.reltablespace)
             AS tablespace,
         pg_catalog.obj_description(c.oid, 'pg_class') AS comment
    FROM pg_catalog.pg_class c
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_catalog.pg_index i ON i.indexrelid = c.oid
    JOIN pg_catalog.pg_class t ON t.oid = i.indrelid
    JOIN pg_catalog.pg_namespace m ON m.oid = t.relnamespace
   WHERE c.oid = %(oid)s::bigint::oid
), leads AS MATERIALIZED (
  -- Valid indexes that support a foreign key: they begin with its columns, in any order.
  SELECT k.oid AS fk, k.conname, i.indexrelid
    FROM it
    JOIN pg_catalog.pg_constraint k ON k.conrelid = it.indrelid AND k.contype = 'f'
    JOIN pg_catalog.pg_index i ON i.indrelid = k.conrelid AND i.indisvalid
    JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
   WHERE (c.relam = 403 OR c.relam = 405 AND i.indnkeyatts = 1)
     AND ((i.indkey::int2[])[0:pg_catalog.array_length(k.conkey, 1) - 1] @> k.conkey
          AND (i.indkey::int2[])[0:pg_catalog.array_length(k.conkey, 1) - 1] <@ k.conkey
          -- or with one column that is a key by itself: the others narrow nothing down
          OR EXISTS (SELECT FROM pg_catalog.pg_index u
                      WHERE u.indrelid = k.confrelid AND u.indisunique AND u.indnkeyatts = 1 AND u.indpred IS NULL
                        AND u.indkey[0] = k.confkey[pg_catalog.array_position(k.conkey, i.indkey[0])]))
     AND (i.indpred IS NULL OR i.indpred::text ~ '^\{NULLTEST :arg \{VAR [^{}]*\} :nulltesttype 1 [^{}]*\}$'
          AND (pg_catalog.regexp_match(i.indpred::text, ':varattno (\d+)'))[1]::int2 = ANY (k.conkey))
), judged AS (
  SELECT it.*,
         CASE WHEN it.relkind = 'I' THEN it.name
             || ' is an index of a partitioned table, which DROP INDEX CONCURRENTLY does not support:'
                   || ' a plain DROP INDEX locks the table and all its partitions ACCESS EXCLUSIVE.'
              WHEN it.indrelid < 16384 THEN it.name || ' is a system catalog object.'
              WHEN pg_catalog.pg_is_other_temp_schema((SELECT c.relnamespace FROM pg_catalog.pg_class c
                                                       WHERE c.oid = it.oid))
                   THEN it.name || ' belongs to a temporary table of another session.'
              WHEN h.parent IS NOT NULL THEN it.name || ' is attached to the partitioned index ' || h.parent
                  || ', and can only be dropped with it.'
              WHEN k.name IS NOT NULL THEN it.name || ' belongs to the constraint ' || k.name || ' of ' || it."table"
                  || '.'
              WHEN it.indisreplident THEN it.name || ' is the replica identity of ' || it."table" || '.'
              WHEN f.names IS NOT NULL THEN 'Foreign keys depend on ' || it.name || ': ' || f.names || '.'
              WHEN it.indisunique AND NOT it.broken THEN it.name || ' is a unique index: it prevents duplicates in '
                  || it."table" || '.'
              WHEN l.names IS NOT NULL AND NOT it.broken THEN it.name
                  || ' is the only index supporting the foreign key '
                  || l.names || ' of ' || it."table"
                   || ': without it, each delete of a referenced row scans the table.'
              WHEN it.broken AND b.pid IS NOT NULL THEN it.name || ' is invalid, and pid ' || b.pid
                  || ' may be building it.'
              END AS refused,
         CASE WHEN k.name IS NOT NULL THEN 'ALTER TABLE ' || it."table" || ' DROP CONSTRAINT ' || k.name
             || ' drops both.'
              WHEN l.names IS NOT NULL AND NOT it.broken AND NOT it.indisunique AND h.parent IS NULL
                  AND it.relkind = 'i'
                   THEN 'Create another index on the same columns first.' ELSE '' END AS remedy
    FROM it
    LEFT JOIN LATERAL (SELECT h.inhparent::regclass::text AS parent FROM pg_catalog.pg_inherits h
                       WHERE h.inhrelid = it.oid) h ON true
    LEFT JOIN LATERAL (SELECT pg_catalog.quote_ident(k.conname) AS name FROM pg_catalog.pg_constraint k
                        WHERE k.conrelid = it.indrelid AND k.conindid = it.oid
                          AND k.contype IN ('p', 'u', 'x') LIMIT 1) k ON true
   CROSS JOIN LATERAL (SELECT pg_catalog.string_agg(pg_catalog.quote_ident(f.conname), ', ') AS names
                       FROM pg_catalog.pg_constraint f
                        WHERE f.conindid = it.oid AND f.contype = 'f') f
   CROSS JOIN LATERAL (SELECT pg_catalog.string_agg(pg_catalog.quote_ident(x.conname), ', ') AS names FROM leads x
                        WHERE x.indexrelid = it.oid
                          AND NOT EXISTS (SELECT FROM leads y WHERE y.fk = x.fk AND y.indexrelid <> it.oid)) l
   CROSS JOIN LATERAL (SELECT pg_catalog.min(x.pid) AS pid FROM pg_catalog.pg_locks x
                        WHERE x.locktype = 'relation' AND x.relation IN (it.indrelid, it.oid)
                          AND x.mode = 'ShareUpdateExclusiveLock'
                          AND x.granted AND x.database = (SELECT d.oid FROM pg_catalog.pg_database d
                                                           WHERE d.datname = pg_catalog.current_database())) b
), step AS (
  SELECT 1 AS at, 'COMMENT ON INDEX ' || j.name || ' IS NULL' AS sql, 'SHARE UPDATE EXCLUSIVE on ' || j.name AS lock,
         j.name AS "on",
         true AS transaction, NULL::float8 AS lock_timeout, NULL AS estimate, 'so that the undo restores it' AS note,
         NULL AS expect, NULL AS again,
         'COMMENT ON INDEX ' || j.name || ' IS ' || pg_catalog.quote_literal(j.comment) AS undo
    FROM judged j WHERE j.comment IS NOT NULL AND j.refused IS NULL
  UNION ALL
  SELECT 1, pg_catalog.format('ALTER INDEX %%s ALTER COLUMN %%s SET STATISTICS -1', j.name, a.attnum),
         'SHARE UPDATE EXCLUSIVE on ' || j.name, j.name, true, NULL, NULL, 'so that the undo restores it', NULL, NULL,
         pg_catalog.format('ALTER INDEX %%s ALTER COLUMN %%s SET STATISTICS %%s', j.name, a.attnum, a.attstattarget)
    FROM judged j JOIN pg_catalog.pg_attribute a ON a.attrelid = j.oid AND a.attnum > 0 AND a.attstattarget >= 0
   WHERE j.refused IS NULL
  UNION ALL
  SELECT 2, 'DROP INDEX CONCURRENTLY ' || j.name, 'SHARE UPDATE EXCLUSIVE on ' || j."table", j."table", false, 0,
         pg_catalog.pg_size_pretty(j.relpages * pg_catalog.current_setting('block_size')::bigint) || ' freed',
         'waits for open transactions; if interrupted, the index stays invalid until it is dropped or repaired',
         'SELECT NOT EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.oid = ' || j.oid || ')',
         'SELECT ' || pg_catalog.quote_literal('DROP INDEX CONCURRENTLY ' || j.name)
             || ' FROM pg_catalog.pg_class c WHERE c.oid = ' || j.oid,
         pg_catalog.regexp_replace(CASE
           WHEN j.tablespace IS NULL THEN j.definition
           WHEN j.predicate IS NULL THEN j.definition || ' TABLESPACE ' || j.tablespace
           ELSE pg_catalog.left(j.definition, -pg_catalog.length(j.predicate)) || ' TABLESPACE ' || j.tablespace
               || j.predicate END,
           '^CREATE (UNIQUE )?INDEX ', 'CREATE \1INDEX CONCURRENTLY ')
    FROM judged j WHERE j.refused IS NULL
)
SELECT s.sql, s.lock, s."on", s.transaction, s.lock_timeout, s.estimate, s.note, s.expect, s.again, s.undo,
       NULL AS refused, NULL AS remedy, s.at
  FROM step s
UNION ALL
SELECT '', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, j.refused, j.remedy,
       0 FROM judged j WHERE j.refused IS NOT NULL
 ORDER BY at, sql
