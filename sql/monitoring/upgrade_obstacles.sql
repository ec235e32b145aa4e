-- What stands in the way of an upgrade to a later major version, of this server and this database, and what fixes it.
-- From the release notes, the checks of pg_upgrade 19, and the catalogs and settings of 14 to 19 compared. ts_stat()
-- runs a query only where this role may read what it names: a query that names it itself would be refused as a whole.
-- lane: slow
WITH RECURSIVE here AS MATERIALIZED (
  SELECT pg_catalog.current_setting('server_version_num')::integer / 10000 AS major, d.*
    FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database()
), gone_setting(version, name, given) AS (VALUES
  (15, 'stats_temp_directory', NULL), (16, 'force_parallel_mode', NULL), (16, 'promote_trigger_file', NULL),
  (16, 'vacuum_defer_cleanup_age', NULL), (17, 'db_user_namespace', NULL), (17, 'old_snapshot_threshold', NULL),
  (17, 'trace_recovery_messages', NULL), (19, 'escape_string_warning', NULL), (19, 'io_workers', NULL),
  (19, 'standard_conforming_strings', 'off')
), changed_default(version, name, former, present) AS (VALUES
  (15, 'hash_mem_multiplier', '1', '2'), (15, 'log_checkpoints', 'off', 'on'),
  (15, 'log_autovacuum_min_duration', '-1', '10min'), (17, 'vacuum_buffer_usage_limit', '256kB', '2MB'),
  (18, 'effective_io_concurrency', '1', '16'), (18, 'maintenance_io_concurrency', '10', '16'),
  (19, 'default_toast_compression', 'pglz', 'lz4'), (19, 'jit', 'on', 'off'), (19, 'log_lock_waits', 'off', 'on'),
  (19, 'max_locks_per_transaction', '64', '128')
), gone_extension(version, name) AS (VALUES
  (15, 'plpythonu'), (15, 'plpython2u'), (15, 'hstore_plpythonu'), (15, 'hstore_plpython2u'),
  (15, 'jsonb_plpythonu'), (15, 'jsonb_plpython2u'), (15, 'ltree_plpythonu'), (15, 'ltree_plpython2u'),
  (17, 'adminpack'), (17, 'old_snapshot')
), gone_name(version, relation, name, instead) AS (VALUES
  (15, 'pg_database', 'datlastsysoid', 'nothing: the oid is always 16383'),
  (15, NULL, 'pg_start_backup', 'pg_backup_start'), (15, NULL, 'pg_stop_backup', 'pg_backup_stop'),
  (15, NULL, 'pg_is_in_backup', 'nothing: there is no exclusive backup'),
  (15, NULL, 'pg_backup_start_time', 'nothing: there is no exclusive backup'),
  (17, 'pg_stat_bgwriter', 'checkpoints_timed', 'pg_stat_checkpointer.num_timed'),
  (17, 'pg_stat_bgwriter', 'checkpoints_req', 'pg_stat_checkpointer.num_requested'),
  (17, 'pg_stat_bgwriter', 'checkpoint_write_time', 'pg_stat_checkpointer.write_time'),
  (17, 'pg_stat_bgwriter', 'checkpoint_sync_time', 'pg_stat_checkpointer.sync_time'),
  (17, 'pg_stat_bgwriter', 'buffers_checkpoint', 'pg_stat_checkpointer.buffers_written'),
  (17, 'pg_stat_bgwriter', 'buffers_backend', 'pg_stat_io.writes'),
  (17, 'pg_stat_bgwriter', 'buffers_backend_fsync', 'pg_stat_io.fsyncs'),
  (17, 'pg_stat_progress_vacuum', 'max_dead_tuples', 'max_dead_tuple_bytes'),
  (17, 'pg_stat_progress_vacuum', 'num_dead_tuples', 'num_dead_item_ids'),
  (17, 'pg_collation', 'colliculocale', 'colllocale'), (17, 'pg_database', 'daticulocale', 'datlocale'),
  (17, NULL, 'pg_stat_get_bgwriter_timed_checkpoints', 'pg_stat_get_checkpointer_num_timed'),
  (17, NULL, 'pg_stat_get_bgwriter_requested_checkpoints', 'pg_stat_get_checkpointer_num_requested'),
  (17, NULL, 'pg_stat_get_bgwriter_buf_written_checkpoints', 'pg_stat_get_checkpointer_buffers_written'),
  (17, NULL, 'pg_stat_get_buf_written_backend', 'pg_stat_get_io'),
  (17, NULL, 'pg_stat_get_buf_fsync_backend', 'pg_stat_get_io'),
  (17, NULL, 'pg_stat_get_checkpoint_write_time', 'pg_stat_get_checkpointer_write_time'),
  (17, NULL, 'pg_stat_get_checkpoint_sync_time', 'pg_stat_get_checkpointer_sync_time'),
  (18, 'pg_stat_io', 'op_bytes', 'read_bytes, write_bytes and extend_bytes'),
  (18, 'pg_stat_wal', 'wal_write', 'pg_stat_io'), (18, 'pg_stat_wal', 'wal_sync', 'pg_stat_io'),
  (18, 'pg_stat_wal', 'wal_write_time', 'pg_stat_io'), (18, 'pg_stat_wal', 'wal_sync_time', 'pg_stat_io'),
  (18, 'pg_attribute', 'attcacheoff', 'nothing'), (18, 'pg_backend_memory_contexts', 'parent', 'path'),
  (19, 'pg_stat_subscription_stats', 'sync_error_count', 'sync_table_error_count')
), made_of(part, oid) AS MATERIALIZED (  -- types and what is made of them, once: there is no index to look by
  SELECT t.typbasetype, t.oid FROM pg_catalog.pg_type t WHERE t.typbasetype NOT IN (0, t.oid)
  UNION ALL SELECT t.typelem, t.oid FROM pg_catalog.pg_type t WHERE t.typelem NOT IN (0, t.oid)
  UNION ALL
  SELECT a.atttypid, c.reltype FROM pg_catalog.pg_class c JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid
   WHERE c.relkind = 'c' AND NOT a.attisdropped
  UNION ALL SELECT r.rngsubtype, r.rngtypid FROM pg_catalog.pg_range r
), unstorable(version, oid, name) AS (
  SELECT CASE WHEN t.typname = 'aclitem' THEN 16 ELSE h.major + 1 END, t.oid, t.typname::text
    FROM here h CROSS JOIN pg_catalog.pg_type t
    JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
   WHERE n.nspname = 'pg_catalog' AND t.typname IN ('aclitem', 'regcollation', 'regconfig', 'regdictionary',
           'regnamespace', 'regoper', 'regoperator', 'regproc', 'regprocedure')
      OR n.nspname IN ('pg_catalog', 'information_schema') AND t.typtype = 'c'
  UNION
  SELECT u.version, m.oid, u.name FROM unstorable u JOIN made_of m ON m.part = u.oid
), setting_of AS (
  SELECT s.setrole, s.setdatabase, pg_catalog.split_part(x, '=', 1) AS name, pg_catalog.split_part(x, '=', 2) AS value
    FROM pg_catalog.pg_db_role_setting s CROSS JOIN LATERAL pg_catalog.unnest(s.setconfig) x
), locked AS MATERIALIZED (
  SELECT DISTINCT l.relation AS oid FROM pg_catalog.pg_locks l JOIN here h ON h.oid = l.database
   WHERE l.locktype = 'relation' AND l.mode = 'AccessExclusiveLock'
), view_text AS MATERIALIZED (
  SELECT c.oid, c.relkind, pg_catalog.format('%%I.%%I', n.nspname, c.relname) AS name,
         -- Its text is made under a lock on what it reads.
         CASE WHEN NOT EXISTS (
                SELECT FROM locked k
                 WHERE k.oid = c.oid
                    OR k.oid IN (SELECT d.refobjid FROM pg_catalog.pg_rewrite r
                                   JOIN pg_catalog.pg_depend d ON d.classid = 2618 AND d.objid = r.oid
                                    AND d.refclassid = 1259
                                  WHERE r.ev_class = c.oid))
              THEN pg_catalog.pg_get_viewdef(c.oid) END AS body
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
   WHERE c.relkind IN ('v', 'm') AND c.oid >= 16384
     AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e')
), password AS (
  SELECT w.word AS role
    FROM (SELECT CASE WHEN pg_catalog.has_column_privilege('pg_catalog.pg_authid', 'rolpassword', 'SELECT')
                      THEN 'SELECT pg_catalog.array_to_tsvector(ARRAY[a.rolname::text]) FROM pg_catalog.pg_authid a
                             WHERE a.rolpassword LIKE ''md5%%'''
                      ELSE 'SELECT NULL::tsvector' END AS text) q
   CROSS JOIN LATERAL pg_catalog.ts_stat(q.text) w
), radius AS (
  SELECT w.word AS line
    FROM (SELECT CASE WHEN pg_catalog.has_function_privilege('pg_catalog.pg_hba_file_rules()', 'EXECUTE')
                      THEN 'SELECT pg_catalog.array_to_tsvector(ARRAY[f.line_number::text])
                              FROM pg_catalog.pg_hba_file_rules() f WHERE f.auth_method = ''radius'''
                      ELSE 'SELECT NULL::tsvector' END AS text) q
   CROSS JOIN LATERAL pg_catalog.ts_stat(q.text) w
), found(version, effect, subject, what, fix) AS (
  SELECT h.major + 1, 'stops', 'transaction ' || p.gid, 'pg_upgrade refuses prepared transactions',
         pg_catalog.format('ROLLBACK PREPARED %%L;', p.gid)
           || CASE WHEN p.dbid <> h.oid THEN pg_catalog.format(' -- in database %%I', d.datname) ELSE '' END
    FROM here h CROSS JOIN pg_catalog.pg_prepared_xact() p
    LEFT JOIN pg_catalog.pg_database d ON d.oid = p.dbid
  UNION ALL
  SELECT h.major + 1, 'stops', 'database ' || d.datname,
         CASE d.datconnlimit WHEN -2 THEN 'its DROP DATABASE was interrupted' ELSE 'it allows no connections' END,
         CASE d.datconnlimit WHEN -2 THEN pg_catalog.format('DROP DATABASE %%I;', d.datname)
              ELSE pg_catalog.format('ALTER DATABASE %%I ALLOW_CONNECTIONS true;', d.datname) END
    FROM here h CROSS JOIN pg_catalog.pg_database d
   WHERE d.datname <> 'template0' AND (NOT d.datallowconn OR d.datconnlimit = -2)
  UNION ALL
  SELECT 19, 'stops', 'database ' || d.datname,
         'the encoding MULE_INTERNAL is gone: first dump it with pg_dump -E UTF8',
         pg_catalog.format('DROP DATABASE %%I;', d.datname)
    FROM pg_catalog.pg_database d WHERE pg_catalog.pg_encoding_to_char(d.encoding) = 'MULE_INTERNAL'
  UNION ALL
  SELECT 19, 'stops', pg_catalog.lower(o.kind) || ' ' || o.name, 'its name contains a line break',
         pg_catalog.format('ALTER %%s %%I RENAME TO %%I;', o.kind, o.name,
                           pg_catalog.regexp_replace(o.name, '[\r\n]+', '_', 'g'))
    FROM (SELECT 'ROLE' AS kind, r.rolname::text AS name FROM pg_catalog.pg_roles r
          UNION ALL SELECT 'DATABASE', d.datname::text FROM pg_catalog.pg_database d
          UNION ALL SELECT 'TABLESPACE', t.spcname::text FROM pg_catalog.pg_tablespace t) o
   WHERE o.name ~ '[\r\n]'
  UNION ALL
  SELECT u.version, 'stops', pg_catalog.format('column %%I.%%I.%%I', n.nspname, c.relname, a.attname),
         'pg_upgrade cannot keep stored values of the type ' || u.name,
         CASE c.relkind WHEN 'm' THEN pg_catalog.format('DROP MATERIALIZED VIEW %%I.%%I;', n.nspname, c.relname)
              ELSE pg_catalog.format('ALTER TABLE %%I.%%I ALTER COLUMN %%I TYPE text USING %%I::text;', n.nspname,
                                     c.relname, a.attname, a.attname) END
    FROM (SELECT x.oid, pg_catalog.min(x.version) AS version, pg_catalog.min(x.name) AS name
            FROM unstorable x GROUP BY x.oid) u
    JOIN pg_catalog.pg_attribute a ON a.atttypid = u.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attinhcount = 0
    JOIN pg_catalog.pg_class c ON c.oid = a.attrelid AND c.relkind IN ('r', 'p', 'm') AND c.oid >= 16384
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
   WHERE n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
  UNION ALL
  SELECT 18, 'stops', pg_catalog.format('column %%I.%%I.%%I', n.nspname, c.relname, a.attname),
         'it may be null, and its parent may not',
         pg_catalog.format('ALTER TABLE %%I.%%I ALTER COLUMN %%I SET NOT NULL;', n.nspname, c.relname, a.attname)
    FROM pg_catalog.pg_inherits i
    JOIN pg_catalog.pg_attribute b ON b.attrelid = i.inhparent AND b.attnotnull AND b.attnum > 0
    JOIN pg_catalog.pg_attribute a ON a.attrelid = i.inhrelid AND a.attname = b.attname AND NOT a.attnotnull
    JOIN pg_catalog.pg_class c ON c.oid = i.inhrelid AND c.relkind IN ('r', 'p', 'f')
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  UNION ALL
  SELECT 19, 'stops', pg_catalog.format('index %%I.%%I', n.nspname, c.relname),
         'gist_inet_ops and gist_cidr_ops of btree_gist are gone: create it again with inet_ops',
         pg_catalog.format('DROP INDEX %%I.%%I;', n.nspname, c.relname)
    FROM pg_catalog.pg_index i
    JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
   WHERE EXISTS (SELECT FROM pg_catalog.pg_opclass k
                  WHERE k.oid = ANY (i.indclass::oid[]) AND k.opcname IN ('gist_inet_ops', 'gist_cidr_ops'))
  UNION ALL
  SELECT g.version, 'stops', 'extension ' || e.extname, 'the later version has no files of it',
         pg_catalog.format('DROP EXTENSION %%I;', e.extname)
    FROM gone_extension g JOIN pg_catalog.pg_extension e ON e.extname = g.name
  UNION ALL
  SELECT h.major + 1, 'check', 'extension ' || e.extname, 'no part of PostgreSQL: its files must be there first',
         pg_catalog.format('SELECT * FROM pg_available_extension_versions WHERE name = %%L; -- on the later server',
                           e.extname)
    FROM here h CROSS JOIN pg_catalog.pg_extension e
   WHERE e.extname NOT IN ('amcheck', 'autoinc', 'bloom', 'btree_gin', 'btree_gist', 'citext', 'cube', 'dblink',
           'dict_int', 'dict_xsyn', 'earthdistance', 'file_fdw', 'fuzzystrmatch', 'hstore', 'insert_username', 'intagg',
           'intarray', 'isn', 'lo', 'ltree', 'moddatetime', 'pageinspect', 'pg_buffercache', 'pg_freespacemap',
           'pg_prewarm', 'pg_stat_statements', 'pg_surgery', 'pg_trgm', 'pg_visibility', 'pg_walinspect', 'pgcrypto',
           'pgrowlocks', 'pgstattuple', 'plpgsql', 'postgres_fdw', 'refint', 'seg', 'sslinfo', 'tablefunc', 'tcn',
           'tsm_system_rows', 'tsm_system_time', 'unaccent', 'uuid-ossp', 'xml2', 'plperl', 'plperlu', 'plpython3u',
           'pltcl', 'pltclu')
     AND e.extname NOT IN (SELECT g.name FROM gone_extension g)
  UNION ALL
  SELECT h.major + 1, 'check', 'routine ' || p.oid::pg_catalog.regprocedure::text,
         'it needs ' || coalesce(p.probin, '?') || ', built for the later version',
         pg_catalog.format('DROP ROUTINE %%s; -- unless its library is there', p.oid::pg_catalog.regprocedure)
    FROM here h CROSS JOIN pg_catalog.pg_proc p
    JOIN pg_catalog.pg_language l ON l.oid = p.prolang AND l.lanname = 'c'
   WHERE p.oid >= 16384 AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')
  UNION ALL
  SELECT g.version, 'stops', CASE WHEN s.setrole <> 0 THEN 'role ' || r.rolname ELSE 'database ' || d.datname END,
         g.name || coalesce(' = ' || g.given, '') || ' is gone, and is set for it',
         CASE WHEN s.setrole = 0 THEN pg_catalog.format('ALTER DATABASE %%I RESET %%I;', d.datname, g.name)
              ELSE pg_catalog.format('ALTER ROLE %%I%%s RESET %%I;', r.rolname,
                CASE WHEN d.oid IS NOT NULL THEN pg_catalog.format(' IN DATABASE %%I', d.datname) END, g.name) END
    FROM gone_setting g
    JOIN setting_of s ON s.name = g.name AND (g.given IS NULL OR s.value = g.given)
    LEFT JOIN pg_catalog.pg_roles r ON r.oid = s.setrole
    LEFT JOIN pg_catalog.pg_database d ON d.oid = s.setdatabase
  UNION ALL
  SELECT g.version, 'stops', 'routine ' || p.oid::pg_catalog.regprocedure::text,
         g.name || coalesce(' = ' || g.given, '') || ' is gone, and is set for it',
         pg_catalog.format('ALTER ROUTINE %%s RESET %%I;', p.oid::pg_catalog.regprocedure, g.name)
    FROM gone_setting g
    JOIN pg_catalog.pg_proc p ON EXISTS (
         SELECT FROM pg_catalog.unnest(p.proconfig) x
          WHERE pg_catalog.split_part(x, '=', 1) = g.name
            AND (g.given IS NULL OR pg_catalog.split_part(x, '=', 2) = g.given))
  UNION ALL
  SELECT g.version, 'breaks', 'setting ' || g.name, 'gone: the later server does not start with it in its file',
         pg_catalog.format('ALTER SYSTEM RESET %%I; -- or remove it from postgresql.conf', g.name)
    FROM gone_setting g
    JOIN pg_catalog.pg_settings s ON s.name = g.name AND s.source IN ('configuration file', 'command line')
   WHERE g.given IS NULL OR s.setting = g.given
  UNION ALL
  SELECT g.version, 'stops', CASE v.relkind WHEN 'm' THEN 'materialized view ' ELSE 'view ' END || v.name,
         coalesce(g.relation || '.', '') || g.name || ' is gone; instead: ' || g.instead,
         CASE v.relkind WHEN 'm' THEN 'DROP MATERIALIZED VIEW ' ELSE 'DROP VIEW ' END || v.name || ';'
    FROM gone_name g
    JOIN view_text v ON v.body ~ ('\m' || g.name || '\M')
     AND (g.relation IS NULL OR v.body ~ ('\m' || g.relation || '\M'))
  UNION ALL
  SELECT h.major + 1, 'check', 'view ' || v.name, 'not read: it, or what it reads, is locked', 'Look again in a moment.'
    FROM here h CROSS JOIN view_text v WHERE v.body IS NULL
  UNION ALL
  SELECT g.version, 'breaks', 'routine ' || p.oid::pg_catalog.regprocedure::text,
         coalesce(g.relation || '.', '') || g.name || ' is gone',
         'CREATE OR REPLACE it, with ' || g.instead || ' instead'
    FROM gone_name g
    JOIN pg_catalog.pg_proc p ON p.oid >= 16384 AND p.prosrc ~ ('\m' || g.name || '\M')
     AND (g.relation IS NULL OR p.prosrc ~ ('\m' || g.relation || '\M'))
   WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')
  UNION ALL
  SELECT h.major + 1, CASE WHEN s.wal_status = 'lost' AND h.major >= 17 THEN 'stops' ELSE 'lost' END,
         'slot ' || s.slot_name, CASE WHEN s.wal_status = 'lost' THEN 'its WAL is lost: nothing can use it'
                                      WHEN s.slot_type = 'physical' THEN 'the standby must be made again, with its slot'
                                      ELSE 'not carried over before 17: create it and copy the tables again' END,
         pg_catalog.format('SELECT pg_drop_replication_slot(%%L);', s.slot_name)
    FROM here h CROSS JOIN pg_catalog.pg_get_replication_slots() s
   WHERE NOT s.temporary AND (s.slot_type = 'physical' OR h.major < 17 OR s.wal_status = 'lost')
  UNION ALL
  SELECT h.major + 1, 'reindex', pg_catalog.format('collation %%I.%%I', n.nspname, c.collname),
         'the order of texts has changed since version ' || c.collversion,
         pg_catalog.format('REINDEX DATABASE %%I; ALTER COLLATION %%I.%%I REFRESH VERSION;', h.datname, n.nspname,
                           c.collname)
    FROM here h CROSS JOIN pg_catalog.pg_collation c JOIN pg_catalog.pg_namespace n ON n.oid = c.collnamespace
   WHERE c.collversion <> pg_catalog.pg_collation_actual_version(c.oid)
     AND EXISTS (SELECT FROM pg_catalog.pg_attribute a WHERE a.attcollation = c.oid AND a.attrelid >= 16384)
  UNION ALL  -- since 15
  SELECT h.major + 1, 'reindex', 'database ' || d.datname,  -- since 15
         'the order of texts has changed since version ' || d.datcollversion,  -- since 15
         pg_catalog.format('REINDEX DATABASE %%I; ALTER DATABASE %%I REFRESH COLLATION VERSION;',  -- since 15
                           d.datname, d.datname)  -- since 15
    FROM here h CROSS JOIN pg_catalog.pg_database d  -- since 15
   WHERE d.datcollversion <> pg_catalog.pg_database_collation_actual_version(d.oid)  -- since 15
  UNION ALL
  SELECT 19, 'warns', 'role ' || p.role, 'its MD5 password warns at each login, and will be refused',
         pg_catalog.format('\password %%I', p.role)
    FROM password p
  UNION ALL
  SELECT 19, 'breaks', 'pg_hba.conf, line ' || r.line, 'RADIUS authentication is gone',
         'Change its method, and SELECT pg_reload_conf();'
    FROM radius r
  UNION ALL
  SELECT 18, 'default', 'data checksums', 'initdb turns them on, and pg_upgrade needs both servers alike',
         'initdb --no-data-checksums, or pg_checksums --enable while this server is stopped'
   WHERE pg_catalog.current_setting('data_checksums') = 'off'
  UNION ALL
  SELECT g.version, 'default', 'setting ' || g.name, g.former || ' becomes ' || g.present,
         pg_catalog.format('ALTER SYSTEM SET %%I = %%L; -- keeps it', g.name, g.former)
    FROM changed_default g JOIN pg_catalog.pg_settings s ON s.name = g.name
     AND (s.source = 'default' OR s.source = 'session' AND s.reset_val = s.boot_val)
)
SELECT f.version, f.effect, f.subject, f.what, f.fix, h.major AS here
  FROM here h
  LEFT JOIN found f ON f.version > h.major
 ORDER BY pg_catalog.array_position(ARRAY['stops', 'lost', 'breaks', 'reindex', 'check', 'warns', 'default'], f.effect),
          f.version, f.subject, f.what
