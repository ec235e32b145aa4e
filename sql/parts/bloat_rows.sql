-- The space in tables and indexes that a rewrite would give back, in pages, as CTEs that end with `summed`; `asked` has
-- their OIDs, and of those that were never analysed whether they are known to be empty.
--
-- A tuple is laid out column by column as heap_form_tuple and index_form_tuple do (storage-page-layout in the
-- PostgreSQL documentation); where a position is only known modulo `unit`, the padding is its mean. Rows per page
-- follow from it, for btree with the duplicates that deduplication folds into posting lists. Dead rows count as bloat:
-- they are space too. A TOAST table has no statistics: its chunks are counted, four to a page as if every chunk were
-- full (TOAST_TUPLES_PER_PAGE), so that its bloat is at least what is returned. `bloat` is the table's with its TOAST.
wanted AS MATERIALIZED (
  SELECT c.oid, w.is_empty, c.relkind = 'i' AS is_index, h.oid AS heap, h.relname AS heapname, h.relkind AS heapkind,
         c.relam, c.relname, n.nspname,
         c.relpages::float8 AS pages, c.reltuples::float8 AS tuples,
         t.relpages::float8 AS toast_pages, t.reltuples::float8 AS toast_tuples,
         i.indkey, i.indclass, i.indcollation, i.indnatts, i.indnkeyatts, i.indisunique,
         coalesce((pg_catalog.regexp_match(pg_catalog.array_to_string(c.reloptions, ' '),
             'fillfactor=(\d+)'))[1]::float8,
                  CASE WHEN c.relkind = 'i' THEN 90 ELSE 100 END) / 100 AS fill,
         coalesce(pg_catalog.array_to_string(c.reloptions, ' ') ~ 'deduplicate_items=(off|false|0|no)', false)
             AS undeduplicated,
         pg_catalog.current_setting('block_size')::float8 AS block
    FROM asked w
    JOIN pg_catalog.pg_class c ON c.oid = w.oid::oid
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    LEFT JOIN pg_catalog.pg_index i ON i.indexrelid = c.oid
    JOIN pg_catalog.pg_class h ON h.oid = coalesce(i.indrelid, c.oid)
    LEFT JOIN pg_catalog.pg_class t ON t.oid = nullif(c.reltoastrelid, 0)
), measured AS (
  SELECT w.oid, a.*
    FROM wanted w
   CROSS JOIN LATERAL (
         SELECT a.attnum, CASE WHEN a.attlen > 0 THEN a.attlen ELSE coalesce(s.avg_width, 0) END::float8 AS width,
                CASE WHEN a.attlen > 0 OR s.avg_width > 126
                     THEN CASE a.attalign WHEN 'd' THEN 8 WHEN 'i' THEN 4 WHEN 's' THEN 2 ELSE 1 END
                     ELSE 1 END AS align,
                a.attlen > 0 AS fixed,
                CASE WHEN d.absent THEN 1 ELSE coalesce(s.null_frac, 0) END::float8 AS nulls,
                s.n_distinct::float8 AS n_distinct,
                NOT d.absent AND s.avg_width IS NULL AND w.heapkind <> 't' AS unknown
           FROM pg_catalog.pg_attribute a
          CROSS JOIN LATERAL (
                SELECT a.attisdropped OR (NOT w.is_index AND a.attgenerated = 'v') AS absent,
                       CASE WHEN w.is_index AND w.indkey[a.attnum - 1] <> 0
                            THEN (SELECT b.attname FROM pg_catalog.pg_attribute b
                                   WHERE b.attrelid = w.heap AND b.attnum = w.indkey[a.attnum - 1])
                            ELSE a.attname END AS attname,
                       w.is_index AND w.indkey[a.attnum - 1] = 0 AS own) d
           LEFT JOIN (
                SELECT p.attname, p.avg_width, p.null_frac, p.n_distinct, p.tablename <> w.heapname AS own
                  FROM pg_catalog.pg_stats p
                 WHERE p.schemaname = w.nspname AND p.tablename = ANY (ARRAY[w.heapname, w.relname]) AND NOT p.inherited
                OFFSET 0) s
             ON s.attname = d.attname AND s.own = d.own AND NOT d.absent
          WHERE a.attrelid = w.oid AND a.attnum > 0
         OFFSET 0) a
), shape AS MATERIALIZED (
  SELECT w.oid, pg_catalog.count(m.attnum)::int AS natts,
         pg_catalog.array_agg(m.width ORDER BY m.attnum) AS width,
         pg_catalog.array_agg(m.align ORDER BY m.attnum) AS align,
         pg_catalog.array_agg(m.fixed ORDER BY m.attnum) AS fixed,
         pg_catalog.array_agg(m.nulls ORDER BY m.attnum) AS nulls,
         pg_catalog.count(*) FILTER (WHERE m.unknown) AS unknown,
         coalesce(pg_catalog.bool_and(m.fixed AND m.nulls IN (0, 1)), true) AS even,
         1 - pg_catalog.exp(greatest(-99, pg_catalog.sum(CASE WHEN m.nulls < 1 THEN pg_catalog.ln(1 - m.nulls)
             ELSE -99 END))) AS has_null,
         -- Different keys, taking columns as independent; a NULL is one more value.
         pg_catalog.exp(least(99, pg_catalog.sum(pg_catalog.ln(greatest(1,
           CASE WHEN m.n_distinct < 0 THEN -m.n_distinct * greatest(w.tuples, 0) ELSE m.n_distinct END
           + CASE WHEN m.nulls > 0 THEN 1 ELSE 0 END))))) AS keys
    FROM wanted w LEFT JOIN measured m ON m.oid = w.oid
   GROUP BY w.oid, w.tuples
), walk AS (
  SELECT s.oid, 0 AS at, 0::float8 AS offs, 8 AS unit, 0 AS rest FROM shape s WHERE s.unknown = 0
  UNION ALL
  SELECT w.oid, w.at + 1,
         w.offs + (1 - c.nulls) * (p.pad + c.width),
         CASE WHEN c.nulls = 1 THEN w.unit
              WHEN NOT c.fixed THEN 1
              WHEN c.nulls > 0 THEN CASE WHEN w.unit < c.align THEN 1
                                         ELSE least(w.unit, (p.pad + c.width)::int & -(p.pad + c.width)::int) END
              ELSE greatest(w.unit, c.align) END,
         CASE WHEN c.nulls = 1 THEN w.rest
              WHEN NOT c.fixed THEN 0
              WHEN c.nulls > 0 THEN CASE WHEN w.unit < c.align THEN 0
                                         ELSE w.rest %% least(w.unit,
                                             (p.pad + c.width)::int & -(p.pad + c.width)::int) END
              WHEN w.unit < c.align THEN c.width::int %% c.align
              ELSE (w.rest + p.pad + c.width)::int %% w.unit END
    FROM walk w
    JOIN shape s ON s.oid = w.oid AND w.at < s.natts
   CROSS JOIN LATERAL (SELECT s.width[w.at + 1] AS width, s.align[w.at + 1] AS align, s.fixed[w.at + 1] AS fixed,
                              s.nulls[w.at + 1] AS nulls) c
   CROSS JOIN LATERAL (SELECT CASE WHEN w.unit >= c.align THEN (c.align - w.rest %% c.align) %% c.align
                                   WHEN w.rest = 0 THEN (c.align - w.unit) / 2.0::float8
                                   ELSE (c.align + w.unit) / 2.0::float8 - w.rest END AS pad) p
), tuple AS (
  SELECT w.*, s.even, s.unknown,
         -- Rows whose whole key is NULL: they fold best of all. Of several columns that is too rare to count.
         CASE WHEN w.indnkeyatts = 1 THEN w.tuples * s.nulls[1] ELSE 0 END AS empty,
         greatest(1, least(w.tuples, CASE WHEN w.indisunique THEN w.tuples ELSE s.keys END)) AS keys,
         e.offs + CASE WHEN e.unit = 8 THEN (8 - e.rest) %% 8 WHEN e.rest = 0 THEN (8 - e.unit) / 2.0
             ELSE (8 + e.unit) / 2.0 - e.rest END
         + CASE WHEN w.is_index THEN 8 + 8 * s.has_null
                ELSE 24 + s.has_null * ((23 + (s.natts + 7) / 8 + 7) / 8 * 8 - 24) END + 4 AS bytes
    FROM wanted w
    JOIN shape s ON s.oid = w.oid
    LEFT JOIN walk e ON e.oid = w.oid AND e.at = s.natts
), folded AS (
  SELECT t.*,
         t.is_index AND NOT t.undeduplicated AND t.indnatts = t.indnkeyatts AND t.keys < t.tuples AND NOT EXISTS (
           SELECT FROM pg_catalog.generate_subscripts(t.indclass, 1) k(at)
             JOIN pg_catalog.pg_opclass o ON o.oid = t.indclass[k.at]
            WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_amproc f  -- 4: equalimage, the right to deduplicate
                               WHERE f.amprocfamily = o.opcfamily AND f.amproclefttype = o.opcintype
                                 AND f.amprocrighttype = o.opcintype AND f.amprocnum = 4)
               OR EXISTS (SELECT FROM pg_catalog.pg_collation n
                           WHERE n.oid = t.indcollation[k.at] AND NOT n.collisdeterministic)) AS folds,
         greatest(t.keys, t.tuples / greatest(1, pg_catalog.floor((t.block / 10 - t.bytes) / 6))) AS lists
    FROM tuple t
), needed AS (
  SELECT f.*,
         CASE WHEN f.is_index THEN
                1 + pg_catalog.ceil(CASE
                      WHEN f.folds THEN (f.lists * f.bytes + f.empty * 6
                           + least(greatest(f.tuples - f.empty - f.lists, 0) * 12, (f.tuples - f.empty) * 6))
                                        / (f.block * f.fill - 40 - f.bytes)
                      ELSE f.tuples / greatest(1, pg_catalog.ceil((f.block * f.fill - 40) / f.bytes) - 1) END
                    * (1 + f.bytes / (f.block * 0.7 - 40 - f.bytes)))
              ELSE pg_catalog.ceil(f.tuples / greatest(1, least(291, CASE
                      WHEN f.even THEN pg_catalog.floor((f.block * f.fill - 24) / f.bytes)
                      ELSE (f.block * f.fill - 24) / f.bytes - 0.5 END))) END AS fit
    FROM folded f
), judged AS (
  SELECT d.*, h.hidden, CASE
           WHEN d.tuples < 0 AND d.is_empty THEN ''
           WHEN d.tuples < 0 THEN 'never analysed'
           WHEN d.relam NOT IN (2, 403) THEN 'neither heap nor btree'
           WHEN d.tuples = 0 OR d.unknown = 0 THEN ''
           WHEN h.by_policy THEN 'row security hides its statistics'
           WHEN h.hidden THEN 'no right to read its statistics'
           ELSE 'no statistics of ' || d.unknown || CASE WHEN d.unknown = 1 THEN ' column'
               ELSE ' columns' END END AS reason
    FROM needed d
   CROSS JOIN LATERAL (SELECT pg_catalog.row_security_active(d.heap) AS by_policy) y
   CROSS JOIN LATERAL (
         SELECT y.by_policy, d.tuples > 0 AND d.relam IN (2, 403) AND d.unknown > 0
                AND (y.by_policy OR NOT pg_catalog.has_table_privilege(d.heap, 'SELECT')) AS hidden) h
), spare AS (
  SELECT j.oid, j.reason, j.hidden, j.pages, j.block, j.toast_pages,
         CASE WHEN j.reason = ''
             THEN greatest(0, j.pages - CASE WHEN j.tuples > 0 THEN j.fit WHEN j.is_index THEN 1 ELSE 0 END)
              END AS heap_spare,
         CASE WHEN j.toast_tuples >= 0 THEN greatest(0, j.toast_pages - pg_catalog.ceil(j.toast_tuples / 4))
              END AS toast_spare
    FROM judged j
), summed AS (
  SELECT s.*, CASE WHEN s.heap_spare IS NOT NULL OR s.toast_spare > 0
                   THEN coalesce(s.heap_spare, 0) + coalesce(s.toast_spare, 0) END AS spare
    FROM spare s
)
