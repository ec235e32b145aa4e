-- The files of relations that can be loaded into shared buffers, with their sizes, in the order of loading.
--
-- Small files that every lookup needs come first: indexes before their tables, TOAST last. pg_prewarm wants SELECT on
-- the relation, or on the table of an index; on a TOAST table only its owner has that, unless all data may be read.
-- extension: pg_prewarm
-- lane: slow
WITH RECURSIVE tree AS (
  SELECT pg_catalog.unnest(%(oid)s::bigint[])::oid AS oid
  UNION
  SELECT h.inhrelid FROM tree t JOIN pg_catalog.pg_class p ON p.oid = t.oid AND p.relkind IN ('p', 'I')
    JOIN pg_catalog.pg_inherits h ON h.inhparent = t.oid
), asked AS (
  SELECT c.oid, c.relkind, c.reltoastrelid FROM tree t JOIN pg_catalog.pg_class c ON c.oid = t.oid
   WHERE c.relkind IN ('r', 'm', 't', 'i')
), file AS (
  SELECT a.oid, CASE a.relkind WHEN 'i' THEN 1 ELSE 2 END AS part FROM asked a
  UNION
  SELECT i.indexrelid, 1 FROM asked a JOIN pg_catalog.pg_index i ON i.indrelid = a.oid WHERE %(indexes)s
  UNION
  SELECT i.indexrelid, 3 FROM asked a JOIN pg_catalog.pg_index i ON i.indrelid = a.reltoastrelid WHERE %(toast)s
  UNION
  SELECT a.reltoastrelid, 4 FROM asked a WHERE a.reltoastrelid <> 0 AND %(toast)s
), one AS (
  SELECT c.oid, f.part, pg_catalog.format('%%I.%%I', n.nspname, c.relname) AS name,
         pg_catalog.pg_relation_size(c.oid) / pg_catalog.current_setting('block_size')::bigint AS blocks,
         pg_catalog.has_table_privilege(c.oid, 'SELECT')
         OR i.indrelid IS NOT NULL AND pg_catalog.has_table_privilege(i.indrelid, 'SELECT') AS may,
         coalesce((SELECT pg_catalog.format('%%I.%%I', m.nspname, t.relname) FROM pg_catalog.pg_class t
                     JOIN pg_catalog.pg_namespace m ON m.oid = t.relnamespace WHERE t.oid = i.indrelid),
                  pg_catalog.format('%%I.%%I', n.nspname, c.relname)) AS readable,
         c.relpersistence = 't' AS temporary
    FROM (SELECT w.oid, pg_catalog.min(w.part) AS part FROM file w GROUP BY w.oid) f
    JOIN pg_catalog.pg_class c ON c.oid = f.oid
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    LEFT JOIN pg_catalog.pg_index i ON i.indexrelid = c.oid
)
SELECT o.oid::bigint AS oid, o.name, o.blocks,
       pg_catalog.current_setting('block_size')::bigint AS block,
       (SELECT s.setting::bigint FROM pg_catalog.pg_settings s WHERE s.name = 'shared_buffers') AS buffers,
       CASE WHEN NOT o.may AND o.part > 2
            THEN pg_catalog.format('%%s is skipped: only the owner of its table, or a role that has pg_read_all_data, '
                                   'may load TOAST.', o.name) END AS skipped,
       CASE WHEN o.temporary THEN o.name || ' is temporary: its blocks are never in shared buffers.'
            WHEN NOT o.may AND o.part <= 2 THEN 'This role lacks SELECT on ' || o.readable || '.' END AS refused,
       CASE WHEN NOT o.temporary
            THEN pg_catalog.format('GRANT SELECT ON %%s TO %%I;', o.readable, CURRENT_USER) END AS remedy
  FROM one o
 ORDER BY o.part, o.blocks, o.name
