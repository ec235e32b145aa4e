-- What pg_repack needs to rewrite one table, what speaks against it, and what an interrupted one left.
-- The client's queries name their functions after pg_catalog, but the copy of the table belongs to who runs it:
-- functions of others in its indexes, generated columns and types would run with a superuser's rights.
WITH extension AS (
  SELECT e.extversion AS version FROM pg_catalog.pg_extension e WHERE e.extname = 'pg_repack'
), target AS (
  SELECT c.*, n.nspname, pg_catalog.format('%%I.%%I', n.nspname, c.relname) AS name, o.rolsuper AS trusted,
         o.rolname AS owner,
         me.rolsuper AS superuser
    FROM pg_catalog.pg_class c
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_catalog.pg_roles o ON o.oid = c.relowner
    JOIN pg_catalog.pg_roles me ON me.rolname = CURRENT_USER
   WHERE c.oid = %(oid)s::bigint::oid
), running AS (
  SELECT l.pid FROM pg_catalog.pg_locks l
   WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 2 AND l.classid = 16185446
     AND l.database = (SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database())
     AND l.objid::bigint = (%(oid)s::bigint + 2147483648) %% 4294967296
   LIMIT 1
), refusal AS (
  SELECT 1 AS rank, 'pg_repack is not installed in this database.' AS refused,
         CASE WHEN EXISTS (SELECT FROM pg_catalog.pg_available_extensions a WHERE a.name = 'pg_repack')
              THEN 'CREATE EXTENSION pg_repack; as a superuser installs it.'
              ELSE pg_catalog.format('Debian and Ubuntu have it: apt-get install postgresql-%%s-repack on the machine '
                                     'of the server '
                                     'and on this one, then CREATE EXTENSION pg_repack;',
                                     pg_catalog.current_setting('server_version_num')::integer / 10000) END AS remedy
   WHERE NOT EXISTS (SELECT FROM extension)
  UNION ALL
  SELECT 2, t.name || CASE t.relkind WHEN 'p' THEN ' is partitioned: its partitions are rewritten one by one.'
                                     ELSE ' is not a table.' END, 'Name one partition, or a table.'
    FROM target t WHERE t.relkind <> 'r'
  UNION ALL
  SELECT 3, t.name || ' is of a kind that pg_repack leaves alone.', NULL
    FROM target t WHERE t.relpersistence = 't' OR t.oid < 16384
      OR t.nspname IN ('pg_catalog', 'information_schema', 'repack')
  UNION ALL
  SELECT 4, t.name || ' has neither a primary key nor a unique index on columns that are NOT NULL.',
         'pg_repack tells rows apart by it: add a primary key.'
    FROM target t
   WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_index i
                      WHERE i.indrelid = t.oid AND i.indisunique AND i.indisvalid AND i.indpred IS NULL
                        AND i.indexprs IS NULL
                        AND NOT EXISTS (SELECT FROM pg_catalog.pg_attribute a
                                         WHERE a.attrelid = t.oid AND a.attnum = ANY (i.indkey::smallint[])
                                           AND NOT a.attnotnull))
  UNION ALL
  SELECT 5, pg_catalog.format('pg_repack %%s works for superusers alone, and %%s is none.', e.version, CURRENT_USER),
         'Connect as a superuser.'
    FROM target t, extension e
   WHERE NOT t.superuser AND pg_catalog.string_to_array(pg_catalog.substring(e.version, '^[0-9.]+'),
                                                        '.')::integer[] < ARRAY[1, 5]
  UNION ALL
  SELECT 6, pg_catalog.format('%%s uses functions or types that a user made; in its copy they would run with the '
                              'rights of a superuser.',
                              t.name), 'vacuum-table and reindex run no code of its owner''s with yours.'
    FROM target t
   WHERE t.superuser AND NOT t.trusted
     AND EXISTS (SELECT FROM pg_catalog.pg_depend d
                  WHERE d.refobjid >= 16384
                    AND d.refclassid IN ('pg_catalog.pg_proc'::pg_catalog.regclass,
                                         'pg_catalog.pg_operator'::pg_catalog.regclass,
                                         'pg_catalog.pg_type'::pg_catalog.regclass,
                                         'pg_catalog.pg_opclass'::pg_catalog.regclass)
                    AND (d.classid, d.objid) IN (
                          SELECT 'pg_catalog.pg_class'::pg_catalog.regclass::oid, t.oid
                          UNION ALL SELECT 'pg_catalog.pg_class'::pg_catalog.regclass, i.indexrelid
                            FROM pg_catalog.pg_index i WHERE i.indrelid = t.oid
                          UNION ALL SELECT 'pg_catalog.pg_attrdef'::pg_catalog.regclass, a.oid
                            FROM pg_catalog.pg_attrdef a WHERE a.adrelid = t.oid
                          UNION ALL SELECT 'pg_catalog.pg_constraint'::pg_catalog.regclass, k.oid
                            FROM pg_catalog.pg_constraint k WHERE k.conrelid = t.oid))
  UNION ALL
  SELECT 7, pg_catalog.format('pg_repack is at %%s already: pid %%s.', t.name, r.pid), 'Wait for its end, or cancel it.'
    FROM target t, running r
), remains AS (
  SELECT 1 AS place, pg_catalog.format('DROP TRIGGER IF EXISTS repack_trigger ON %%s', t.name) AS sql,
         'ACCESS EXCLUSIVE on ' || t.name AS lock,
         t.name AS "on"
    FROM target t JOIN pg_catalog.pg_trigger g ON g.tgrelid = t.oid AND g.tgname = 'repack_trigger'
  UNION ALL
  SELECT 2, pg_catalog.format('DROP %%s IF EXISTS %%I.%%I', w.what, n.nspname, w.name),
         'ACCESS EXCLUSIVE on what an interrupted pg_repack left', NULL
    FROM target t
    JOIN pg_catalog.pg_namespace n ON n.nspname = 'repack'
   CROSS JOIN LATERAL (VALUES ('TABLE', 'table_' || t.oid), ('TABLE', 'log_' || t.oid)) w(what, name)
    JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = w.name
  UNION ALL
  SELECT 3, pg_catalog.format('DROP TYPE IF EXISTS %%I.%%I', n.nspname, y.typname),
         'ACCESS EXCLUSIVE on what an interrupted pg_repack left', NULL
    FROM target t
    JOIN pg_catalog.pg_namespace n ON n.nspname = 'repack'
    JOIN pg_catalog.pg_type y ON y.typnamespace = n.oid AND y.typname = 'pk_' || t.oid
)
SELECT r.refused, r.remedy, NULL AS sql, NULL AS lock, NULL AS "on", true AS transaction, NULL AS estimate,
       NULL AS note, NULL AS expect,
       NULL AS version, r.rank AS place, true AS superuser
  FROM refusal r
UNION ALL
SELECT NULL, NULL, m.sql, m.lock, m."on", true, NULL, 'what an interrupted pg_repack left', NULL, NULL, m.place, true
  FROM remains m WHERE NOT EXISTS (SELECT FROM refusal)
UNION ALL
SELECT NULL, NULL, t.name, 'ACCESS EXCLUSIVE on ' || t.name || ' for a moment when it begins and ends, up to 1 s a try',
       t.name, false,
       pg_catalog.format('about %%s rows; needs up to %%s of room', t.reltuples::bigint,
         pg_catalog.pg_size_pretty((t.relpages + coalesce((SELECT pg_catalog.sum(x.relpages) FROM pg_catalog.pg_index i
             JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid WHERE i.indrelid = t.oid), 0)::bigint)
           * pg_catalog.current_setting('block_size')::bigint * 2)),
       'readers and writers go on; nobody is cancelled but DDL that queues for the table',
       pg_catalog.format('SELECT pg_catalog.pg_relation_filenode(%%s) <> %%s, ''pg_repack ended without rewriting the '
                         'table: it could not get its lock.''',
                         t.oid, pg_catalog.pg_relation_filenode(t.oid)),
       e.version, 9, t.superuser
  FROM target t, extension e WHERE NOT EXISTS (SELECT FROM refusal)
 ORDER BY place, sql
