-- What an index serves, the statement that makes it again, its columns, tablespace and storage options.
-- lane: slow
WITH it AS (
  SELECT i.*, c.relname, c.reloptions, c.reltablespace, a.amname, NOT EXISTS (
           SELECT FROM pg_catalog.pg_locks l
            WHERE l.mode = 'AccessExclusiveLock' AND l.relation IN (i.indexrelid, i.indrelid)) AS free
    FROM pg_catalog.pg_index i
    JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
    JOIN pg_catalog.pg_am a ON a.oid = c.relam
   WHERE i.indexrelid = %(oid)s::bigint::oid
)
SELECT 'serves' AS item, d.said AS value
  FROM (SELECT coalesce(pg_catalog.obj_description(it.indexrelid, 'pg_class'),
      pg_catalog.obj_description(h.inhparent, 'pg_class')) AS said
          FROM it LEFT JOIN pg_catalog.pg_inherits h ON h.inhrelid = it.indexrelid) d
 WHERE d.said IS NOT NULL
UNION ALL
SELECT 'operators', pg_catalog.string_agg(k.name || ': ' || k.operators, '; ' ORDER BY k.attnum)
  FROM (SELECT a.attnum, CASE WHEN it.free THEN pg_catalog.pg_get_indexdef(it.indexrelid, a.attnum, true)
      ELSE a.attname::text END AS name,
               (SELECT pg_catalog.string_agg(o.oprname, ' ' ORDER BY o.strategy, o.oprname)
                  FROM (SELECT r.oprname::text, pg_catalog.min(m.amopstrategy) AS strategy
                          FROM pg_catalog.pg_opclass c
                          JOIN pg_catalog.pg_amop m ON m.amopfamily = c.opcfamily AND m.amoplefttype = c.opcintype
                          JOIN pg_catalog.pg_operator r ON r.oid = m.amopopr
                         WHERE c.oid = (it.indclass::oid[])[a.attnum - 1] GROUP BY 1) o) AS operators
          FROM it JOIN pg_catalog.pg_attribute a ON a.attrelid = it.indexrelid
              AND a.attnum BETWEEN 1 AND it.indnkeyatts) k
UNION ALL
SELECT 'definition', CASE WHEN it.free THEN pg_catalog.pg_get_indexdef(it.indexrelid)
                                  ELSE 'not read: an ACCESS EXCLUSIVE lock is held or wanted' END AS value
  FROM it
UNION ALL
SELECT 'constraint', k.conname || CASE WHEN it.free THEN ' ' || pg_catalog.pg_get_constraintdef(k.oid) ELSE '' END
  FROM it JOIN pg_catalog.pg_constraint k ON k.conrelid = it.indrelid AND k.conindid = it.indexrelid
UNION ALL
SELECT 'columns', pg_catalog.string_agg(a.attname || ' ' || pg_catalog.format_type(a.atttypid, a.atttypmod), ', '
    ORDER BY a.attnum)
  FROM it JOIN pg_catalog.pg_attribute a ON a.attrelid = it.indexrelid AND a.attnum > 0
UNION ALL
SELECT 'method', it.amname FROM it
UNION ALL
SELECT 'tablespace', coalesce(s.spcname, 'default of the database')
  FROM it LEFT JOIN pg_catalog.pg_tablespace s ON s.oid = it.reltablespace
UNION ALL
SELECT 'fillfactor', coalesce((SELECT x.option_value FROM pg_catalog.pg_options_to_table(it.reloptions) x
                                WHERE x.option_name = 'fillfactor'), CASE
                                WHEN it.amname IN ('btree', 'gist', 'spgist') THEN '90 (default)'
                               WHEN it.amname = 'hash' THEN '75 (default)' ELSE 'not used by ' || it.amname END)
  FROM it
UNION ALL
SELECT 'options', pg_catalog.array_to_string(it.reloptions, ', ') FROM it WHERE it.reloptions IS NOT NULL
