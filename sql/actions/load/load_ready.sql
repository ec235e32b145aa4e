-- Whether a load test can run in this database, as which purpose it is marked, and the connections that are left.
--
-- `removal` deletes up to 5,000 requests that load tests created, with what other programs attached to them. It finds
-- them by title and brief, which nothing else writes. A request is created with the default of its id, because the
-- kind of key decides how much WAL an insert takes: so no index leads to them, and each batch scans the table.
WITH wanted(name, privilege) AS (
  VALUES ('organizations', 'SELECT'), ('users', 'SELECT'), ('brand_profiles', 'SELECT'),
         ('content_requests', 'SELECT'), ('content_requests', 'INSERT'), ('content_requests', 'DELETE')
), attached(place, name, key, condition) AS (
  VALUES (1, 'content_analytics', 'generated_asset_id', 'asset'), (2, 'asset_versions', 'generated_asset_id', 'asset'),
         (3, 'compliance_checks', 'generated_asset_id', 'asset'), (4, 'scheduled_posts', 'generated_asset_id', 'asset'),
         (5, 'generated_assets', 'content_request_id', 'request'),
         (6, 'generation_jobs', 'content_request_id', 'request'),
         (7, 'content_approvals', 'content_request_id', 'request'),
         (8, 'request_comments', 'content_request_id', 'request')
), known AS (
  SELECT a.*, pg_catalog.to_regclass('public.' || a.name)::oid AS oid FROM attached a
), needed AS (
  SELECT w.name, w.privilege, pg_catalog.to_regclass('public.' || w.name)::oid AS oid FROM wanted w
  UNION ALL
  SELECT k.name, p.privilege, k.oid
    FROM known k CROSS JOIN (VALUES ('SELECT'), ('DELETE')) p(privilege) WHERE k.oid IS NOT NULL
), foreign_owner AS (
  SELECT r.rolname AS name
    FROM needed n JOIN pg_catalog.pg_class c ON c.oid = n.oid JOIN pg_catalog.pg_roles r ON r.oid = c.relowner
   WHERE NOT r.rolsuper ORDER BY n.name LIMIT 1
), purpose AS (
  SELECT pg_catalog.split_part(s.setting, '=', 2) AS name
    FROM pg_catalog.pg_db_role_setting d
    JOIN pg_catalog.pg_database b ON b.oid = d.setdatabase AND b.datname = pg_catalog.current_database()
   CROSS JOIN LATERAL pg_catalog.unnest(d.setconfig) s(setting)
   WHERE d.setrole = 0 AND pg_catalog.starts_with(s.setting, 'pipeline_console.purpose=')
), used AS (
  SELECT pg_catalog.count(*) FILTER (WHERE a.backend_type = 'client backend')::int AS server,
         pg_catalog.count(*) FILTER (WHERE a.datname = pg_catalog.current_database()
                                       AND a.backend_type = 'client backend')::int AS database,
         pg_catalog.count(*) FILTER (WHERE a.usename = CURRENT_USER
                                       AND a.backend_type = 'client backend')::int AS role
    FROM pg_catalog.pg_stat_activity a
), room(reason, most, used) AS (
  SELECT 'max_connections', pg_catalog.current_setting('max_connections')::int
           - pg_catalog.current_setting('superuser_reserved_connections')::int
           - coalesce(pg_catalog.current_setting('reserved_connections', true)::int, 0), u.server
    FROM used u
  UNION ALL
  SELECT 'the CONNECTION LIMIT of the database', d.datconnlimit, u.database
    FROM pg_catalog.pg_database d CROSS JOIN used u
   WHERE d.datname = pg_catalog.current_database() AND d.datconnlimit >= 0
  UNION ALL
  SELECT 'the CONNECTION LIMIT of the role', r.rolconnlimit, u.role
    FROM pg_catalog.pg_roles r CROSS JOIN used u WHERE r.rolname = CURRENT_USER AND r.rolconnlimit >= 0
), tightest AS (
  SELECT r.* FROM room r ORDER BY r.most - r.used LIMIT 1
)
SELECT (SELECT pg_catalog.array_agg(DISTINCT 'public.' || n.name) FROM needed n WHERE n.oid IS NULL) AS missing,
       (SELECT pg_catalog.array_agg(n.privilege || ' ON public.' || n.name ORDER BY n.name, n.privilege)
          FROM needed n WHERE n.oid IS NOT NULL AND NOT pg_catalog.has_table_privilege(n.oid, n.privilege)) AS lacking,
       (SELECT f.name FROM foreign_owner f) AS owner,
       (SELECT p.name FROM purpose p) AS purpose,
       t.reason, t.most, t.used,
       E'WITH request AS MATERIALIZED (\n'
         '  SELECT r.id FROM public.content_requests AS r\n'
         '   WHERE r.title LIKE ''[load-test %%] %%'' AND r.content_brief = ''Created by a load test.''\n'
         '   LIMIT 5000\n), asset AS MATERIALIZED (\n'
         || CASE WHEN (SELECT k.oid FROM known k WHERE k.name = 'generated_assets') IS NULL
                 THEN '  SELECT r.id FROM request AS r WHERE false'
                 ELSE E'  SELECT a.id FROM public.generated_assets AS a\n'
                   '   WHERE a.content_request_id = ANY (ARRAY(SELECT r.id FROM request AS r))' END
         || E'\n), '
         || coalesce((SELECT pg_catalog.string_agg(pg_catalog.format(
              E'gone_%%s AS (\n  DELETE FROM public.%%I AS t WHERE t.%%I = ANY (ARRAY(SELECT s.id FROM %%s AS s))\n), ',
              k.place, k.name, k.key, k.condition), '' ORDER BY k.place) FROM known k WHERE k.oid IS NOT NULL), '')
         || E'gone AS (\n'
         '  DELETE FROM public.content_requests AS r\n'
         '   WHERE r.id = ANY (ARRAY(SELECT s.id FROM request AS s)) RETURNING 1\n'
         ')\nSELECT pg_catalog.count(*) AS moved, pg_catalog.count(*) > 0 AS more FROM gone' AS removal,
       'SELECT NOT EXISTS (SELECT FROM public.content_requests AS r WHERE r.title LIKE ''[load-test %%] %%'' '
         'AND r.content_brief = ''Created by a load test.'')' AS removed
  FROM tightest t
