-- The TOAST table and the indexes of a table and its storage options.
-- lane: slow
WITH it AS (
  SELECT c.oid, c.reloptions, c.reltoastrelid, NOT EXISTS (
           SELECT FROM pg_catalog.pg_locks l
            WHERE l.mode = 'AccessExclusiveLock' AND l.locktype = 'relation'
              AND (l.relation = c.oid
                  OR l.relation IN (SELECT i.indexrelid FROM pg_catalog.pg_index i WHERE i.indrelid = c.oid))) AS free
    FROM pg_catalog.pg_class c WHERE c.oid = %(oid)s::bigint::oid
)
SELECT 'index' AS item, CASE WHEN it.free THEN pg_catalog.pg_get_indexdef(i.indexrelid) ELSE c.relname END
       || CASE WHEN i.indisvalid THEN '' ELSE ' (invalid)' END AS value
  FROM it JOIN pg_catalog.pg_index i ON i.indrelid = it.oid JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
UNION ALL
SELECT 'options', pg_catalog.array_to_string(it.reloptions, ', ') FROM it WHERE it.reloptions IS NOT NULL
UNION ALL
SELECT 'TOAST table', n.nspname || '.' || t.relname || '; after CREATE EXTENSION pgstattuple, SELECT * FROM '
       || 'pgstattuple_approx(''' || n.nspname || '.' || t.relname || ''') gives its exact figures'
  FROM it JOIN pg_catalog.pg_class t ON t.oid = it.reltoastrelid AND t.relkind = 't'
  JOIN pg_catalog.pg_namespace n ON n.oid = t.relnamespace
UNION ALL
SELECT 'exact', 'CREATE EXTENSION pgstattuple gives exact figures' FROM it
 WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_extension e WHERE e.extname = 'pgstattuple')
