-- REPACK (CONCURRENTLY) of a table, which the server does itself from 19 on, and what prevents it.
--
-- It waits at its start for the transactions that have written, in all databases, and then copies the table under SHARE
-- UPDATE EXCLUSIVE, as its owner, with the changes made meanwhile; ACCESS EXCLUSIVE swaps the files. Ended in the
-- middle it rolls back: its slot is temporary.
WITH target AS (
  SELECT c.*, n.nspname, pg_catalog.format('%%I.%%I', n.nspname, c.relname) AS name, o.rolname AS owner
    FROM pg_catalog.pg_class c
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_catalog.pg_roles o ON o.oid = c.relowner
   WHERE c.oid = %(oid)s::bigint::oid
), unique_index AS (
  SELECT i.*, x.relname, i.indisreplident AND t.relreplident = 'i' OR i.indisprimary AND t.relreplident = 'd' AS chosen
    FROM target t
    JOIN pg_catalog.pg_index i ON i.indrelid = t.oid AND i.indisunique AND i.indisvalid
    JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid
   WHERE i.indimmediate AND i.indpred IS NULL AND i.indexprs IS NULL
     AND NOT EXISTS (SELECT FROM pg_catalog.pg_attribute a
                      WHERE a.attrelid = t.oid AND a.attnum = ANY (i.indkey::smallint[]) AND NOT a.attnotnull)
), refusal AS (
  SELECT 1 AS rank, t.name || CASE t.relkind WHEN 'p' THEN ' is partitioned: REPACK rewrites one partition at a time.'
                                             ELSE ' is not a table.' END AS refused,
         'Name one partition, or a table.' AS remedy
    FROM target t WHERE t.relkind <> 'r'
  UNION ALL
  SELECT 2, t.name || ' is a temporary or system table, which REPACK (CONCURRENTLY) does not support.', NULL
    FROM target t WHERE t.relpersistence = 't' OR t.oid < 16384
      OR t.nspname IN ('pg_catalog', 'information_schema')
  UNION ALL
  SELECT 3, t.name || ' is unlogged, and REPACK (CONCURRENTLY) reads the changes made meanwhile from the WAL.',
         'REPACK ' || t.name || '; blocks reads and writes until it ends.'
    FROM target t WHERE t.relpersistence = 'u'
  UNION ALL
  SELECT 4, pg_catalog.format('This role may not repack %%s.', t.name),
         CASE WHEN pg_catalog.has_schema_privilege(t.relnamespace, 'USAGE')
              THEN pg_catalog.format('GRANT MAINTAIN ON %%s TO %%I;', t.name, CURRENT_USER)
              ELSE pg_catalog.format('GRANT USAGE ON SCHEMA %%I TO %%I;', t.nspname, CURRENT_USER) END
    FROM target t
   WHERE NOT pg_catalog.has_table_privilege(t.oid, 'MAINTAIN')
      OR NOT pg_catalog.has_schema_privilege(t.relnamespace, 'USAGE')
  UNION ALL
  SELECT 5, pg_catalog.format('%%s has %%s: REPACK (CONCURRENTLY) needs an index that identifies rows.', t.name,
           CASE t.relreplident WHEN 'f' THEN 'REPLICA IDENTITY FULL' WHEN 'n' THEN 'REPLICA IDENTITY NOTHING'
             WHEN 'i' THEN 'no index for its REPLICA IDENTITY'
             ELSE 'neither a primary key that is not deferrable nor a replica identity index' END),
         coalesce((SELECT pg_catalog.format('ALTER TABLE %%s REPLICA IDENTITY ', t.name)
                       || CASE WHEN u.indisprimary THEN 'DEFAULT;'
                               ELSE pg_catalog.format('USING INDEX %%I;', u.relname) END
                     FROM unique_index u ORDER BY u.indisprimary DESC, u.relname LIMIT 1),
                  'Add a primary key: a unique index on NOT NULL columns would do too.')
    FROM target t WHERE NOT EXISTS (SELECT FROM unique_index u WHERE u.chosen)
  UNION ALL
  SELECT 6, 'REPACK (CONCURRENTLY) reads changes from the WAL, and wal_level is minimal.',
         'ALTER SYSTEM SET wal_level = ''replica''; -- then restart the server'
   WHERE pg_catalog.current_setting('wal_level') = 'minimal'
  UNION ALL
  SELECT 7, pg_catalog.format('All %%s slots of max_repack_replication_slots are in use.', g.slots),
         CASE g.slots WHEN 0 THEN 'ALTER SYSTEM RESET max_repack_replication_slots; -- then restart the server'
                      ELSE 'Wait until another REPACK (CONCURRENTLY) ends.' END
    FROM (SELECT pg_catalog.current_setting('max_repack_replication_slots')::integer AS slots) g
   WHERE g.slots <= (SELECT pg_catalog.count(*) FROM pg_catalog.pg_get_replication_slots() s
                      WHERE s.plugin = 'pgrepack')
  UNION ALL
  SELECT 8, pg_catalog.format('%%s is already running on %%s: pid %%s.', p.command, t.name, p.pid),
         'Wait until it ends, or cancel it.'
    FROM target t JOIN pg_catalog.pg_stat_progress_repack p ON p.relid = t.oid
), writer AS (
  SELECT pg_catalog.format('pid %%s (%%s)', a.pid, pg_catalog.concat_ws(', ', nullif(a.application_name, ''),
           pg_catalog.pg_get_userbyid(a.usesysid), a.state)) AS name, a.xact_start AS began
    FROM pg_catalog.pg_stat_get_activity(NULL) a
   WHERE a.backend_xid IS NOT NULL AND a.xact_start < pg_catalog.clock_timestamp() - '5 s'::interval
  UNION ALL
  SELECT 'prepared transaction ' || x.gid, x.prepared FROM pg_catalog.pg_prepared_xact() x
   ORDER BY 2 LIMIT 1
)
SELECT r.refused, r.remedy, NULL AS notice, NULL AS sql, NULL AS lock, NULL AS "on", false AS transaction,
       NULL::float8 AS lock_timeout, NULL AS estimate, NULL AS note, NULL AS expect, r.rank AS place
  FROM refusal r
UNION ALL
SELECT NULL, NULL, pg_catalog.format('It starts only when the transaction of %%s has ended, which has been open for '
                                     '%%s s, and gives up after %%s s.', w.name,
         pg_catalog.round(pg_catalog.date_part('epoch', pg_catalog.clock_timestamp() - w.began)),
         %(patience)s::integer),
       NULL, NULL, NULL, false, NULL, NULL, NULL, NULL, 9
  FROM writer w WHERE NOT EXISTS (SELECT FROM refusal)
UNION ALL
SELECT NULL, NULL, NULL, 'REPACK (CONCURRENTLY) ' || t.name,
       pg_catalog.format('SHARE UPDATE EXCLUSIVE on %%s, ACCESS EXCLUSIVE on %%s briefly at the end', t.name, t.name),
       t.name, false, %(patience)s::float8,
       pg_catalog.format('about %%s rows; needs up to %%s of free disk space, and retains WAL meanwhile',
         t.reltuples::bigint, pg_catalog.pg_size_pretty((t.relpages + coalesce((
             SELECT pg_catalog.sum(x.relpages) FROM pg_catalog.pg_index i
               JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid WHERE i.indrelid = t.oid), 0)::bigint)
           * pg_catalog.current_setting('block_size')::bigint)),
       'does not block reads or writes; rolls back if others queue for the table or it does not get its lock',
       pg_catalog.format('SELECT pg_catalog.pg_relation_filenode(%%s) <> %%s, ''REPACK ended without rewriting the '
                         'table.''',
                         t.oid, pg_catalog.pg_relation_filenode(t.oid)), 9
  FROM target t WHERE NOT EXISTS (SELECT FROM refusal)
 ORDER BY place
