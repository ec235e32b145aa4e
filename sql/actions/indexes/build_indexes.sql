-- Statements that build indexes online, on plain and on partitioned tables.
-- lane: slow
--
-- Plain tables: CREATE INDEX CONCURRENTLY. Partitioned tables: the index ON ONLY the parent, then CONCURRENTLY on each
-- partition that has no identical index, each attached. The caller says which existing indexes are identical. The index
-- of a partition is named as the parent's, with the name of the partition instead of the parent's. An invalid index
-- with a wanted name on the wanted table is left from an interrupted build and is dropped first, unless it may still be
-- being built. Inner partitioned indexes are attached while empty; the outermost becomes valid with the last
-- attachment.
WITH RECURSIVE asked AS MATERIALIZED (
  SELECT w.*, c.relname AS root_name, CASE WHEN pg_catalog.starts_with(w.name, c.relname || '_')
           THEN pg_catalog.substr(w.name, pg_catalog.length(c.relname) + 2) ELSE w.name END AS suffix
    FROM ROWS FROM (pg_catalog.unnest(%(tables)s::bigint[]), pg_catalog.unnest(%(names)s::text[]),
                    pg_catalog.unnest(%(definitions)s::text[]), pg_catalog.unnest(%(uniques)s::boolean[]),
                    pg_catalog.unnest(%(notes)s::text[]), pg_catalog.unnest(%(comments)s::text[]))
         WITH ORDINALITY w(root, name, definition, is_unique, purpose, comment, k)
    JOIN pg_catalog.pg_class c ON c.oid = w.root::oid
), equal AS MATERIALIZED (
  SELECT e.k, i.indexrelid AS oid, i.indrelid, i.indisvalid AND i.indisready AS valid, c.relkind, c.relname,
         h.inhparent AS part_of
    FROM ROWS FROM (pg_catalog.unnest(%(equal_to)s::bigint[]), pg_catalog.unnest(%(equal)s::bigint[])) e(k, oid)
    JOIN pg_catalog.pg_index i ON i.indexrelid = e.oid::oid
    JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
    LEFT JOIN pg_catalog.pg_inherits h ON h.inhrelid = i.indexrelid
), tree AS (
  -- `have`: the index of each table that is or will be attached to the wanted one
  SELECT a.k, a.root::oid AS oid, NULL::oid AS parent, 0 AS depth, b.oid AS have, b.valid IS TRUE AS valid,
         false AS attached
    FROM asked a
    LEFT JOIN LATERAL (SELECT e.oid, e.valid FROM equal e
                        WHERE e.k = a.k AND e.indrelid = a.root::oid AND (e.valid OR e.relkind = 'I')
                        ORDER BY e.valid DESC, e.relname = a.name DESC, e.oid LIMIT 1) b ON true
  UNION ALL
  SELECT t.k, h.inhrelid, t.oid, t.depth + 1, b.oid, b.valid IS TRUE, b.attached IS TRUE
    FROM tree t
    JOIN pg_catalog.pg_class c ON c.oid = t.oid AND c.relkind = 'p'
    JOIN pg_catalog.pg_inherits h ON h.inhparent = t.oid AND NOT h.inhdetachpending
    LEFT JOIN LATERAL (SELECT e.oid, e.valid, e.part_of IS NOT NULL AS attached FROM equal e
                        WHERE e.k = t.k AND e.indrelid = h.inhrelid
                          AND (e.part_of = t.have OR e.part_of IS NULL AND (e.valid OR e.relkind = 'I'))
                        ORDER BY e.part_of IS NULL, e.valid DESC, e.oid LIMIT 1) b ON true
   WHERE NOT (t.valid AND (t.depth = 0 OR t.attached))
), node AS MATERIALIZED (
  SELECT t.*, a.definition, a.is_unique, a.purpose, a.comment, c.relkind, c.relname, c.relpages, c.relowner, n.nspname,
         c.relnamespace, pg_catalog.format('%%I.%%I', n.nspname, c.relname) AS "table", c.oid < 16384 AS of_system,
         pg_catalog.pg_is_other_temp_schema(c.relnamespace) AS of_others,
         CASE WHEN t.depth = 0 THEN a.name
              WHEN pg_catalog.octet_length(c.relname || '_' || a.suffix) <= 60 THEN c.relname || '_' || a.suffix
              ELSE (SELECT pg_catalog.left(c.relname || '_' || a.suffix, x) FROM pg_catalog.generate_series(51, 1, -1) x
                     WHERE pg_catalog.octet_length(pg_catalog.left(c.relname || '_' || a.suffix, x)) <= 51 LIMIT 1)
                   || '_' || pg_catalog.left(pg_catalog.md5(c.relname || '_' || a.suffix), 8) END AS stem
    FROM tree t
    JOIN asked a ON a.k = t.k
    JOIN pg_catalog.pg_class c ON c.oid = t.oid
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
   WHERE NOT (t.valid AND (t.depth = 0 OR t.attached))
), called AS MATERIALIZED (
  -- the name of each index, and the object that has this name already
  SELECT n.*, coalesce(h.relname, f.name) AS index_name,
         pg_catalog.format('%%I.%%I', n.nspname, coalesce(h.relname, f.name)) AS index,
         l.oid AS leftover,
         (SELECT pg_catalog.min(x.pid) FROM pg_catalog.pg_locks x
           WHERE l.oid IS NOT NULL AND x.locktype = 'relation' AND x.relation IN (n.oid, l.oid)
             AND x.mode = 'ShareUpdateExclusiveLock'
             AND x.granted AND x.database = (SELECT d.oid FROM pg_catalog.pg_database d
                                              WHERE d.datname = pg_catalog.current_database())) AS busy
    FROM node n
    LEFT JOIN pg_catalog.pg_class h ON h.oid = n.have
   CROSS JOIN LATERAL (
         SELECT g.name FROM (SELECT n.stem AS name, 0 AS at UNION ALL
                             SELECT n.stem || x, x FROM pg_catalog.generate_series(1, 99) x WHERE n.depth > 0) g
          WHERE n.depth = 0 OR NOT EXISTS (
                SELECT FROM pg_catalog.pg_class c LEFT JOIN pg_catalog.pg_index i ON i.indexrelid = c.oid
                 WHERE c.relnamespace = n.relnamespace AND c.relname = g.name
                   AND (i.indexrelid IS NULL OR i.indrelid <> n.oid OR i.indisvalid OR c.relkind = 'I'))
          ORDER BY g.at LIMIT 1) f
    LEFT JOIN LATERAL (
         SELECT c.oid FROM pg_catalog.pg_class c JOIN pg_catalog.pg_index i ON i.indexrelid = c.oid
          WHERE n.have IS NULL AND n.relkind <> 'p' AND c.relnamespace = n.relnamespace AND c.relname = f.name
            AND i.indrelid = n.oid AND NOT i.indisvalid) l ON true
), obstacle AS (
  SELECT c.k, c.depth, CASE
           WHEN c.of_system THEN c."table" || ' is a system catalog object.'
           WHEN c.of_others THEN c."table" || ' is a temporary table of another session.'
           WHEN c.relkind = 'f' AND c.depth > 0 THEN c."table"
               || ' is a foreign table: an index cannot become valid on all partitions.'
           WHEN c.relkind NOT IN ('r', 'p', 'm') THEN c."table" || ' is neither a table nor a materialized view.'
           WHEN NOT (pg_catalog.pg_has_role(c.relowner, 'USAGE')
                     OR (SELECT r.rolsuper FROM pg_catalog.pg_roles r WHERE r.rolname = CURRENT_USER))
             THEN c."table" || ' belongs to ' || pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(c.relowner))
                 || ': only its owner may create indexes on it.'
           WHEN c.busy IS NOT NULL THEN c.index || ' is skipped: pid ' || c.busy || ' may be building it.'
           WHEN c.attached AND NOT c.valid AND c.relkind <> 'p'
             THEN c.index || ' is attached but invalid: repair-invalid-indexes rebuilds it.'
           WHEN o.oid IS NOT NULL THEN c.index || CASE
             WHEN o.indrelid = c.oid THEN ' is an index of ' || c."table" || ' with another definition: '
                 || o.definition
             WHEN o.indrelid IS NOT NULL THEN ' is the index of another table'
             ELSE ' is the name of another relation: a ' || CASE o.relkind WHEN 'r' THEN 'table' WHEN 'p'
                 THEN 'partitioned table'
                 WHEN 'v' THEN 'view'
               WHEN 'm' THEN 'materialized view' WHEN 'S' THEN 'sequence' ELSE 'type or foreign table' END END || '.'
                   END AS why
    FROM called c
    LEFT JOIN LATERAL (
         SELECT x.oid, x.relkind, i.indrelid, pg_catalog.pg_get_indexdef(i.indexrelid) AS definition
           FROM pg_catalog.pg_class x LEFT JOIN pg_catalog.pg_index i ON i.indexrelid = x.oid
          WHERE c.have IS NULL AND c.depth = 0 AND x.relnamespace = c.relnamespace AND x.relname = c.index_name
            AND x.oid IS DISTINCT FROM c.leftover) o ON true
), blocked AS (
  SELECT DISTINCT ON (o.k) o.k, o.why FROM obstacle o WHERE o.why IS NOT NULL ORDER BY o.k, o.depth, o.why
), free AS (
  SELECT c.*, p.index AS parent_index, p."table" AS parent_table, r.index AS root_index,
         pg_catalog.format('INDEX%%s %%I ON %%s%%s %%s', CASE WHEN c.relkind <> 'p' THEN ' CONCURRENTLY'
                           END, c.index_name,
                           CASE WHEN c.relkind = 'p' THEN 'ONLY ' END, c."table", c.definition) AS making,
         -- Dropping the parent index would drop attached indexes that existed before, so there is no undo.
         c.depth = 0 AND EXISTS (SELECT FROM called x WHERE x.k = c.k AND x.depth > 0 AND x.have IS NOT NULL
                                 AND NOT x.attached) AS adopts,
         c.depth > 0 AND NOT c.attached
           AND pg_catalog.row_number() OVER (PARTITION BY c.k ORDER BY c.relkind = 'p' DESC, c.relname, c.oid)
               = pg_catalog.count(*) OVER (PARTITION BY c.k)
           AS is_last
    FROM called c
    LEFT JOIN called p ON p.k = c.k AND p.oid = c.parent
    JOIN called r ON r.k = c.k AND r.depth = 0
   WHERE c.k NOT IN (SELECT b.k FROM blocked b)
), step AS (
  SELECT f.k, f.relkind = 'p' AS inner_one, f.depth, f.relname, f.oid, s.*
    FROM free f
   CROSS JOIN LATERAL (VALUES
     (1, 'DROP INDEX CONCURRENTLY ' || f.index, f.leftover IS NOT NULL,
      'SHARE UPDATE EXCLUSIVE on ' || f."table", f."table", false, 0::float8, NULL, NULL, NULL,
      f.index_name || ' is left from an interrupted build: it slows writes and serves no query',
      pg_catalog.format('SELECT NOT EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.oid = %%s)', f.leftover),
      pg_catalog.format('SELECT %%L FROM pg_catalog.pg_class c WHERE c.oid = %%s', 'DROP INDEX CONCURRENTLY '
                        || f.index, f.leftover)),
     (2, CASE WHEN f.is_unique THEN 'CREATE UNIQUE ' ELSE 'CREATE ' END || f.making, f.have IS NULL
      AND f.relkind <> 'p',
      'SHARE UPDATE EXCLUSIVE on ' || f."table", f."table", false, 0, NULL,
      CASE WHEN f.depth = 0 THEN 'DROP INDEX CONCURRENTLY ' || f.index
           ELSE pg_catalog.format('DO %%L', pg_catalog.format(
                  'BEGIN IF NOT EXISTS (SELECT FROM pg_catalog.pg_inherits WHERE inhrelid = '
                  'pg_catalog.to_regclass(%%L)) THEN '
                  'DROP INDEX IF EXISTS %%s; END IF; END', f.index, f.index)) END,
      'reads ' || pg_catalog.pg_size_pretty(f.relpages * pg_catalog.current_setting('block_size')::bigint) || ' twice',
      pg_catalog.concat_ws('; ', f.index_name
                           || ' is built without blocking reads or writes; waits for open transactions',
                           NULLIF(f.purpose, '')),
      pg_catalog.format('SELECT EXISTS (SELECT FROM pg_catalog.pg_index i WHERE i.indexrelid = '
                        'pg_catalog.to_regclass(%%L) AND i.indisvalid)',
                        f.index),
      pg_catalog.format('SELECT s.sql FROM (SELECT 1 AS at, %%L AS sql FROM pg_catalog.pg_index i WHERE i.indexrelid = '
                        'pg_catalog.to_regclass(%%L)'
                        ' AND i.indrelid = %%s AND NOT i.indisvalid UNION ALL SELECT 2, %%L WHERE NOT EXISTS (SELECT '
                        'FROM pg_catalog.pg_index i'
                        ' WHERE i.indexrelid = pg_catalog.to_regclass(%%L) AND i.indrelid = %%s AND i.indisvalid)) s '
                        'ORDER BY s.at',
                        'DROP INDEX CONCURRENTLY ' || f.index, f.index, f.oid,
                        CASE WHEN f.is_unique THEN 'CREATE UNIQUE ' ELSE 'CREATE ' END || f.making, f.index, f.oid)),
     (3, CASE WHEN f.is_unique THEN 'CREATE UNIQUE ' ELSE 'CREATE ' END || f.making, f.have IS NULL AND f.relkind = 'p',
      'SHARE on ' || f."table" || ', not on its partitions', f."table", true, NULL, f.index,
      CASE WHEN f.depth = 0 AND NOT f.adopts THEN 'DROP INDEX ' || f.index END, NULL,
      pg_catalog.concat_ws('; ', f.index_name
                           || ' on the parent only, at once; invalid until the index of every partition is attached',
                           CASE WHEN f.depth = 0 THEN NULLIF(f.purpose, '') END,
                           CASE WHEN f.adopts THEN 'cannot be undone: existing indexes of partitions are attached to it'
                               END), NULL, NULL),
     (4, pg_catalog.format('ALTER INDEX %%s ATTACH PARTITION %%s', f.parent_index, f.index), f.depth > 0
      AND NOT f.attached,
      pg_catalog.format('ACCESS EXCLUSIVE on the index %%s; ACCESS SHARE on %%s', f.index, f."table"), f."table", true,
      NULL, f.index, NULL, NULL,
      CASE WHEN f.have IS NOT NULL THEN f.index_name || ', existing and identical, is attached to ' || f.parent_index
           ELSE f.index_name || ' is attached to ' || f.parent_index END,
      CASE WHEN f.is_last AND f.relkind <> 'p'
           THEN pg_catalog.format('SELECT i.indisvalid, %%L FROM pg_catalog.pg_index i WHERE i.indexrelid = '
                                  'pg_catalog.to_regclass(%%L)',
                                  f.root_index || ' is still invalid: a new partition has no index. Run this action '
                                                  'again.', f.root_index)
           ELSE pg_catalog.format('SELECT EXISTS (SELECT FROM pg_catalog.pg_inherits h WHERE h.inhrelid = '
                                  'pg_catalog.to_regclass(%%L)'
                                  ' AND h.inhparent = pg_catalog.to_regclass(%%L))', f.index, f.parent_index) END,
                                  NULL),
     (5, pg_catalog.format('COMMENT ON INDEX %%s IS %%L', f.index, f.comment), f.depth = 0 AND f.have IS NULL
      AND f.comment <> '',
      'SHARE UPDATE EXCLUSIVE on ' || f.index, f."table", true, NULL, f.index, NULL, NULL,
      'documents in the database what ' || f.index_name || ' is for', NULL, NULL))
     s(ordinal, sql, wanted, lock, "on", transaction, lock_timeout, "group", undo, estimate, note, expect, again)
   WHERE s.wanted
)
SELECT s.sql, s.lock, s."on", s.transaction, s.lock_timeout, s."group", s.undo, s.estimate, s.note, s.expect, s.again,
       NULL AS skipped, s.k, s.inner_one, s.depth, s.relname, s.oid, s.ordinal, s.depth * s.inner_one::int AS rank
  FROM step s
UNION ALL
SELECT NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, b.why, b.k, NULL, NULL, NULL, NULL, NULL,
       NULL FROM blocked b
 ORDER BY k, inner_one DESC, rank, relname, oid, ordinal
