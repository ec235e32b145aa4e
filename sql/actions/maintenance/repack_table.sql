-- What pg_repack needs to rewrite a table, what prevents it, and what is left from an interrupted run.
--
-- The client schema-qualifies its functions with pg_catalog, but the copy of the table is owned by the current role:
-- functions of other roles in its indexes, generated columns and types would run with a superuser's rights.
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
              THEN 'CREATE EXTENSION pg_repack; -- as a superuser'
              ELSE pg_catalog.format('On Debian and Ubuntu: apt-get install postgresql-%%s-repack on the server and on '
                                     'this machine, then CREATE EXTENSION pg_repack;',
                                     pg_catalog.current_setting('server_version_num')::integer / 10000) END AS remedy
   WHERE NOT EXISTS (SELECT FROM extension)
  UNION ALL
  SELECT 2, t.name || CASE t.relkind WHEN 'p' THEN ' is partitioned: pg_repack rewrites one partition at a time.'
                                     ELSE ' is not a table.' END, 'Name one partition, or a table.'
    FROM target t WHERE t.relkind <> 'r'
  UNION ALL
  SELECT 3, t.name || ' is a temporary or system table, which pg_repack does not support.', NULL
    FROM target t WHERE t.relpersistence = 't' OR t.oid < 16384
      OR t.nspname IN ('pg_catalog', 'information_schema', 'repack')
  UNION ALL
  SELECT 4, t.name || ' has neither a primary key nor a unique index on NOT NULL columns.',
         'Add a primary key: pg_repack needs one to identify rows.'
    FROM target t
   WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_index i
                      WHERE i.indrelid = t.oid AND i.indisunique AND i.indisvalid AND i.indpred IS NULL
                        AND i.indexprs IS NULL
                        AND NOT EXISTS (SELECT FROM pg_catalog.pg_attribute a
                                         WHERE a.attrelid = t.oid AND a.attnum = ANY (i.indkey::smallint[])
                                           AND NOT a.attnotnull))
  UNION ALL
  SELECT 5, pg_catalog.format('pg_repack %%s requires a superuser; %%s is not one.', e.version, CURRENT_USER),
         'Connect as a superuser.'
    FROM target t, extension e
   WHERE NOT t.superuser AND pg_catalog.string_to_array(pg_catalog.substring(e.version, '^[0-9.]+'),
                                                        '.')::integer[] < ARRAY[1, 5]
  UNION ALL
  SELECT 6, pg_catalog.format('%%s uses user-defined functions or types, which would run with the rights of a '
                              'superuser.',
                              t.name), 'Use vacuum-table or reindex, which run no such code with your rights.'
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
  SELECT 7, pg_catalog.format('pg_repack rebuilds the indexes of %%s with the rights of this superuser, and %%I, its '
                              'owner, could add functions to them meanwhile.', t.name, t.owner),
         pg_catalog.format('Connect as %%I, which pg_repack 1.5 and later allow, or set trust-owner=yes.', t.owner)
    FROM target t WHERE t.superuser AND NOT t.trusted AND NOT %(trusts)s::boolean
  UNION ALL
  SELECT 8, pg_catalog.format('pg_repack is already running on %%s: pid %%s.', t.name, r.pid),
         'Wait until it ends, or cancel it.'
    FROM target t, running r
), remains AS (
  SELECT 1 AS place, pg_catalog.format('DROP TRIGGER IF EXISTS repack_trigger ON %%s', t.name) AS sql,
         'ACCESS EXCLUSIVE on ' || t.name AS lock,
         t.name AS "on"
    FROM target t JOIN pg_catalog.pg_trigger g ON g.tgrelid = t.oid AND g.tgname = 'repack_trigger'
  UNION ALL
  SELECT 2, pg_catalog.format('DROP %%s IF EXISTS %%I.%%I', w.what, n.nspname, w.name),
         'ACCESS EXCLUSIVE on objects left from an interrupted pg_repack', NULL
    FROM target t
    JOIN pg_catalog.pg_namespace n ON n.nspname = 'repack'
   CROSS JOIN LATERAL (VALUES ('TABLE', 'table_' || t.oid), ('TABLE', 'log_' || t.oid)) w(what, name)
    JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = w.name
  UNION ALL
  SELECT 3, pg_catalog.format('DROP TYPE IF EXISTS %%I.%%I', n.nspname, y.typname),
         'ACCESS EXCLUSIVE on objects left from an interrupted pg_repack', NULL
    FROM target t
    JOIN pg_catalog.pg_namespace n ON n.nspname = 'repack'
    JOIN pg_catalog.pg_type y ON y.typnamespace = n.oid AND y.typname = 'pk_' || t.oid
)
SELECT r.refused, r.remedy, NULL AS sql, NULL AS lock, NULL AS "on", true AS transaction, NULL AS estimate,
       NULL AS note, NULL AS expect,
       NULL AS version, r.rank AS place, true AS superuser
  FROM refusal r
UNION ALL
SELECT NULL, NULL, m.sql, m.lock, m."on", true, NULL, 'objects left from an interrupted pg_repack', NULL, NULL, m.place,
       true
  FROM remains m WHERE NOT EXISTS (SELECT FROM refusal)
UNION ALL
SELECT NULL, NULL, t.name, 'ACCESS EXCLUSIVE on ' || t.name
       || ' briefly at the start and at the end, at most 1 s per attempt',
       t.name, false,
       pg_catalog.format('about %%s rows; needs up to %%s of free disk space', t.reltuples::bigint,
         pg_catalog.pg_size_pretty((t.relpages + coalesce((SELECT pg_catalog.sum(x.relpages) FROM pg_catalog.pg_index i
             JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid WHERE i.indrelid = t.oid), 0)::bigint)
           * pg_catalog.current_setting('block_size')::bigint * 2)),
       'does not block reads or writes; cancels only DDL that queues for the table'
       || CASE WHEN t.superuser AND NOT t.trusted
               THEN pg_catalog.format('; functions that %%I adds to its indexes meanwhile run with your rights',
                                      t.owner)
               ELSE '' END,
       pg_catalog.format('SELECT pg_catalog.pg_relation_filenode(%%s) <> %%s, ''pg_repack ended without rewriting the '
                         'table: it did not get its lock.''',
                         t.oid, pg_catalog.pg_relation_filenode(t.oid)),
       e.version, 9, t.superuser
  FROM target t, extension e WHERE NOT EXISTS (SELECT FROM refusal)
 ORDER BY place, sql
