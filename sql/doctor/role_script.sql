-- The lines of a script that creates a least-privilege role for the console, for this server and this database.
-- Privileges that only actions need are comments. What exists already is omitted.
WITH it AS MATERIALIZED (
  SELECT pg_catalog.quote_ident(%(role)s::text) AS r, pg_catalog.quote_ident(d.datname) AS db, d.datname::text AS bare,
         (SELECT g.oid FROM pg_catalog.pg_roles g WHERE g.rolname = %(role)s::text) AS oid,
         pg_catalog.pg_is_in_recovery() AS standby,
         pg_catalog.current_setting('server_version_num')::int / 10000 AS major
    FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database()
), predefined AS MATERIALIZED (
  SELECT w.at, w.name, w.why, w.active
    FROM (VALUES
         (20, 'pg_monitor', 'all sessions and statements, settings, exact bloat (pgstattuple)', true),
         (21, 'pg_use_reserved_connections',
          'connects even if all connections are in use, where reserved_connections > 0', true),
         (71, 'pg_read_all_data', 'estimated bloat of every table (pg_stats); it also reads every row', false),
         (80, 'pg_signal_backend', 'cancel-backend, terminate-backend, terminate-idle', false),
         (81, 'pg_signal_autovacuum_worker', 'the same for autovacuum workers', false),
         (82, 'pg_maintain', 'vacuum-table, analyze-table, reindex, refresh-views, without owning the tables', false)
         ) AS w(at, name, why, active)
   WHERE pg_catalog.to_regrole(w.name) IS NOT NULL
), owners AS (
  SELECT DISTINCT pg_catalog.quote_ident(o.rolname) AS owner
    FROM pg_catalog.pg_class c
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_catalog.pg_roles o ON o.oid = c.relowner AND NOT o.rolsuper AND o.rolname <> %(role)s::text
   WHERE c.relkind IN ('r', 'p', 'm') AND c.relpersistence <> 't' AND c.oid >= 16384
     AND n.nspname NOT IN ('pg_catalog', 'information_schema')
), line AS (
  SELECT 1 AS at,
         pg_catalog.format('-- A monitoring role for pipeline-console on PostgreSQL %%s, which can change nothing.',
                           it.major)
           AS line
    FROM it
  UNION ALL SELECT 2, '-- Run this as a superuser with psql in this database and in every other one to be monitored.'
  UNION ALL SELECT 3, '-- This server is a standby: run this on the primary.' FROM it WHERE it.standby
  UNION ALL SELECT 9, ''
  UNION ALL SELECT 10, 'CREATE ROLE ' || it.r || ' LOGIN;' FROM it WHERE it.oid IS NULL
  UNION ALL SELECT 10, 'ALTER ROLE ' || it.r || ' LOGIN;  -- the role exists already' FROM it WHERE it.oid IS NOT NULL
  UNION ALL SELECT 11, '-- The role has no password. To set one in psql: \password ' || it.r
              FROM it WHERE it.oid IS NULL
  UNION ALL SELECT 12, 'GRANT CONNECT ON DATABASE ' || it.db || ' TO ' || it.r || ';' FROM it
  UNION ALL SELECT p.at, CASE WHEN p.active THEN '' ELSE '-- ' END
                         || 'GRANT ' || p.name || ' TO ' || it.r || ';  -- ' || p.why
              FROM predefined p CROSS JOIN it
  UNION ALL SELECT 29, ''
  UNION ALL SELECT 30, '-- For the settings pane: the lines of the configuration files, and their errors:'
  UNION ALL SELECT 31, 'GRANT SELECT ON pg_catalog.pg_file_settings TO ' || it.r || ';' FROM it
  UNION ALL SELECT 32, 'GRANT EXECUTE ON FUNCTION pg_catalog.pg_show_all_file_settings() TO ' || it.r || ';' FROM it
  UNION ALL SELECT 39, ''
  UNION ALL SELECT 40, '-- For slow queries and exact bloat; pg_stat_statements also needs shared_preload_libraries:'
  UNION ALL SELECT 41, 'CREATE EXTENSION IF NOT EXISTS ' || a.name || ';' FROM pg_catalog.pg_available_extensions() a
             WHERE a.name IN ('pg_stat_statements', 'pgstattuple')
  UNION ALL SELECT 42, pg_catalog.format('GRANT USAGE ON SCHEMA %%I TO %%s;', n.nspname, it.r)
              FROM (SELECT DISTINCT x.extnamespace FROM pg_catalog.pg_extension x
                     WHERE x.extname IN ('pg_stat_statements', 'pgstattuple')) x
              JOIN pg_catalog.pg_namespace n ON n.oid = x.extnamespace
             CROSS JOIN it WHERE NOT pg_catalog.has_schema_privilege('public', n.oid, 'USAGE')
  UNION ALL SELECT 50, '-- Tables of the console: migration ledger, audit, refreshes, samples, background jobs:'
              FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
             WHERE n.nspname = 'public' AND c.relname = 'schema_migrations' AND c.relkind IN ('r', 'p')
  UNION ALL SELECT 51, 'GRANT USAGE ON SCHEMA public TO ' || it.r || ';' FROM it
             WHERE NOT pg_catalog.has_schema_privilege('public', 'public', 'USAGE')
  UNION ALL SELECT 52, pg_catalog.format('GRANT SELECT ON %%I.%%I TO %%s;', n.nspname, c.relname, it.r)
              FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace CROSS JOIN it
             WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p')
               AND c.relname IN ('schema_migrations', 'console_audit', 'console_refreshes', 'capacity_samples',
                                 'background_jobs')
  UNION ALL SELECT 49, ''
  UNION ALL SELECT 69, ''
  UNION ALL SELECT 70, '-- To see and do more, uncomment the lines whose actions you need:'
  UNION ALL SELECT 83, '-- GRANT ' || o.owner || ' TO ' || it.r || ';  -- every action on its tables and indexes'
              FROM owners o CROSS JOIN it
  UNION ALL SELECT 84, '-- GRANT CREATE ON SCHEMA public TO ' || it.r || ';  -- apply-schema, as a role of its own'
              FROM it
  UNION ALL SELECT 85, '-- GRANT ALTER SYSTEM ON PARAMETER '
                       || (SELECT pg_catalog.string_agg(s.name, ', ' ORDER BY s.name) FROM pg_catalog.pg_settings s
                            WHERE s.name = ANY (%(settings)s::text[])) || ' TO ' || it.r || ';  -- apply-tuning'
              FROM it WHERE it.major >= 15
  UNION ALL SELECT 85, '-- apply-tuning needs a superuser before PostgreSQL 15.' FROM it WHERE it.major < 15
  UNION ALL SELECT 86, '-- GRANT EXECUTE ON FUNCTION pg_catalog.pg_reload_conf() TO ' || it.r || ';  -- apply-tuning'
              FROM it WHERE it.major >= 15
  UNION ALL SELECT 87, '-- ALTER ROLE ' || it.r || ' REPLICATION;  -- drop-slot' FROM it
  UNION ALL SELECT 88, '-- GRANT EXECUTE ON FUNCTION pg_catalog.pg_wal_replay_resume() TO ' || it.r
                       || ';  -- resume-replay, on a standby' FROM it
  UNION ALL SELECT 89, pg_catalog.format('-- GRANT EXECUTE ON FUNCTION %%s TO %%s;  -- reset-statements',
                                         p.oid::regprocedure, it.r)
              FROM it CROSS JOIN pg_catalog.pg_proc p
              JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_proc'::regclass AND d.objid = p.oid
               AND d.deptype = 'e' AND d.refclassid = 'pg_catalog.pg_extension'::regclass
              JOIN pg_catalog.pg_extension e ON e.oid = d.refobjid AND e.extname = 'pg_stat_statements'
             WHERE p.proname = 'pg_stat_statements_reset'
)
SELECT line FROM line ORDER BY at, line
