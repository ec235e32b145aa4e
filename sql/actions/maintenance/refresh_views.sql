-- Statements that refresh materialized views in dependency order, and record each refresh.
--
-- The record is only written to the console's own table, and only if that runs no code of other roles
-- (harmless_table.sql): the DBA writes it, while REFRESH runs as the owner of the view. Failures are recorded too,
-- without their duration, because their transaction was rolled back.
WITH RECURSIVE view AS MATERIALIZED (
  SELECT c.oid, n.nspname, c.relname, pg_catalog.format('%%I.%%I', n.nspname, c.relname) AS name, c.relkind,
         c.relispopulated,
         c.reltuples, c.relpages, pg_catalog.pg_get_userbyid(c.relowner) AS owner,
         CASE WHEN pg_catalog.current_setting('server_version_num')::integer >= 170000
              THEN pg_catalog.has_table_privilege(c.oid, 'MAINTAIN') ELSE pg_catalog.pg_has_role(c.relowner, 'USAGE')
                  END AS may,
         EXISTS (SELECT FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid
                  WHERE i.indrelid = c.oid AND i.indisunique AND i.indimmediate AND i.indisvalid AND x.relam = 403
                    AND i.indpred IS NULL AND i.indexprs IS NULL) AS has_key
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
   WHERE c.oid = ANY (%(oids)s::bigint[]::oid[])
), reads AS (
  SELECT v.oid AS root, v.oid, 1 AS round FROM view v
  UNION
  SELECT r.root, d.refobjid, r.round + 1
    FROM reads r
    JOIN pg_catalog.pg_rewrite w ON w.ev_class = r.oid
    JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass AND d.objid = w.oid
     AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjid <> r.oid
    JOIN pg_catalog.pg_class c ON c.oid = d.refobjid AND c.relkind IN ('v', 'm')
), below AS MATERIALIZED (  -- materialized views that a view reads, directly or through other views
  SELECT r.root, r.oid, pg_catalog.format('%%I.%%I', n.nspname, c.relname) AS name, c.relispopulated
    FROM (SELECT DISTINCT root, oid FROM reads WHERE oid <> root) r
    JOIN pg_catalog.pg_class c ON c.oid = r.oid AND c.relkind = 'm'
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
), refusal AS (
  SELECT v.name || ' is not a materialized view.' AS refused, NULL AS remedy FROM view v WHERE v.relkind <> 'm'
  UNION ALL
  SELECT pg_catalog.format('Only its owner %%s may refresh %%s.', v.owner, v.name),
         pg_catalog.format('Connect as %%s, or on PostgreSQL 17 and later GRANT MAINTAIN ON %%s to this role.', v.owner,
                           v.name)
    FROM view v WHERE NOT v.may AND v.relkind = 'm'
  UNION ALL
  SELECT pg_catalog.format('%%s reads %%s, which is not populated.', v.name, b.name), 'Refresh that view first.'
    FROM view v JOIN below b ON b.root = v.oid WHERE NOT b.relispopulated AND b.oid NOT IN (SELECT oid FROM view)
), record AS MATERIALIZED (
  SELECT c.oid, EXISTS (SELECT FROM pg_catalog.pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'error')
         AS failures
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
   WHERE n.nspname = 'public' AND c.relname = 'console_refreshes' AND c.relkind = 'r'
     AND pg_catalog.has_schema_privilege(n.oid, 'USAGE') AND pg_catalog.has_table_privilege(c.oid, 'INSERT, SELECT')
     AND %(harmless)s
     AND (SELECT pg_catalog.count(*) FROM pg_catalog.pg_attribute a
           WHERE a.attrelid = c.oid AND NOT a.attisdropped
             AND a.attname IN ('schema_name', 'view_name', 'started_at', 'finished_at', 'seconds', 'row_count',
                               'is_concurrent')) = 7
), wanted AS (
  SELECT v.*, v.relispopulated AND v.has_key AS concurrent, r.round, (SELECT true FROM record) IS TRUE AS recorded,
         (SELECT failures FROM record) IS TRUE AS failures
    FROM view v
    JOIN (SELECT root, pg_catalog.max(round) AS round FROM reads GROUP BY root) r ON r.root = v.oid
), step AS (
  SELECT w.oid, w.round, w.name, s.*, w.name AS "group"
    FROM wanted w
   CROSS JOIN LATERAL (VALUES
     (1, pg_catalog.format('REFRESH MATERIALIZED VIEW %%s%%s', CASE WHEN w.concurrent THEN 'CONCURRENTLY ' END, w.name),
      CASE WHEN w.concurrent THEN 'EXCLUSIVE' ELSE 'ACCESS EXCLUSIVE' END || ' on ' || w.name, w.name,
      CASE WHEN w.reltuples >= 0 AND w.relispopulated THEN
        pg_catalog.format('about %%s rows, %%s', w.reltuples::bigint,
          pg_catalog.pg_size_pretty(w.relpages * pg_catalog.current_setting('block_size')::bigint)) END,
      CASE WHEN w.concurrent THEN 'readers keep seeing the old rows meanwhile'
           WHEN NOT w.relispopulated THEN 'first refresh, which cannot be concurrent; the view was not readable before'
           ELSE 'blocks readers until it is done: CONCURRENTLY needs a unique index on plain columns' END,
      pg_catalog.format('SELECT relispopulated FROM pg_catalog.pg_class WHERE oid = %%s', w.oid),
      CASE WHEN w.failures THEN pg_catalog.format(
             'INSERT INTO public.console_refreshes (schema_name, view_name, started_at, finished_at, is_concurrent, '
             'error) '
             'SELECT %%L, %%L, pg_catalog.now(), pg_catalog.clock_timestamp(), %%L, '
             'pg_catalog.current_setting(''pipeline_console.failed'')', w.nspname, w.relname, w.concurrent) END,
      'refresh'),
     (2, CASE WHEN w.recorded THEN pg_catalog.format(
           'SELECT pg_catalog.set_config(''pipeline_console.rows'', pg_catalog.count(*)::text, true) FROM %%s', w.name)
         END,
      'ACCESS SHARE on ' || w.name, NULL, NULL, 'counts its rows', NULL, NULL, 'count'),
     (3, CASE WHEN w.recorded THEN pg_catalog.format(
           'INSERT INTO public.console_refreshes (schema_name, view_name, started_at, finished_at, seconds, row_count, '
           'is_concurrent) '
           'SELECT %%L, %%L, pg_catalog.now(), pg_catalog.clock_timestamp(), '
           'pg_catalog.date_part(''epoch'', pg_catalog.clock_timestamp() - pg_catalog.now()), '
           'pg_catalog.current_setting(''pipeline_console.rows'')::bigint, %%L',
           w.nspname, w.relname, w.concurrent) END,
      'ROW EXCLUSIVE on public.console_refreshes', NULL, NULL, 'records when the view was refreshed', NULL, NULL,
      'record'))
     s(ordinal, sql, lock, "on", estimate, note, expect, failed, what)
   WHERE s.sql IS NOT NULL AND NOT EXISTS (SELECT FROM refusal)
)
SELECT r.refused, r.remedy, NULL AS sql, NULL AS lock, NULL AS "on", NULL AS estimate, NULL AS note, NULL AS expect,
       NULL AS failed,
       NULL AS "group", NULL AS what, NULL AS oid, 0 AS round, 0 AS ordinal
  FROM refusal r
UNION ALL
SELECT NULL, NULL, s.sql, s.lock, s."on", s.estimate, s.note, s.expect, s.failed, s."group", s.what, s.oid::bigint,
       s.round,
       s.ordinal FROM step s
 ORDER BY round, "group", ordinal
