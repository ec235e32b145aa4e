-- The catalog entries of the pipeline's relations and functions; no rows where the database has none of its tables.
-- lane: slow
-- Only names of the pipeline are read, so other objects of schema public cost nothing. What belongs to a constraint is
-- listed with it; `needs` holds the columns that a constraint or an index is made of, its own and those it refers to.
WITH wanted(name) AS (VALUES
  ('organizations'::name), ('users'), ('user_sessions'), ('subscriptions'), ('feature_flags'), ('webhooks'),
  ('notifications'),
  ('audit_events'), ('brand_profiles'), ('brand_guidelines'), ('brand_assets'), ('content_templates'),
  ('social_accounts'),
  ('campaigns'), ('content_requests'), ('content_approvals'), ('request_comments'), ('generation_jobs'),
  ('generated_assets'),
  ('asset_versions'), ('compliance_checks'), ('scheduled_posts'), ('api_providers'), ('api_usage'),
  ('user_activity_logs'),
  ('content_analytics'), ('background_jobs'), ('content_analytics_archive'), ('schema_migrations'),
  ('console_refreshes'),
  ('console_audit'), ('cache_invalidations'), ('capacity_samples'), ('mv_monthly_brand_performance')
), relation AS MATERIALIZED (
  SELECT c.oid, c.relname, c.relkind, c.reloptions, c.relispopulated, c.relacl, c.relowner, c.relpersistence
    FROM pg_catalog.pg_class c
    JOIN wanted w ON w.name = c.relname
   WHERE c.relnamespace = 'public'::pg_catalog.regnamespace AND c.relkind IN ('r', 'p', 'm', 'v', 'f')
), here AS (  -- neither the console's own tables make a pipeline nor names that any database may have
  SELECT 1 FROM relation
   WHERE relname NOT IN ('schema_migrations', 'console_refreshes', 'console_audit', 'users', 'organizations',
                         'user_sessions', 'subscriptions', 'notifications', 'webhooks', 'campaigns', 'audit_events',
                         'feature_flags',
                         'background_jobs', 'cache_invalidations', 'capacity_samples')
   LIMIT 1
), entry AS (
  SELECT 'relation' AS kind, r.relname AS relation, ''::name AS name,
         CASE r.relkind WHEN 'r' THEN 'table' WHEN 'p' THEN 'table by ' || pg_catalog.pg_get_partkeydef(r.oid)
              WHEN 'm' THEN 'materialized view' WHEN 'v' THEN 'view' ELSE 'foreign table' END AS definition,
         CASE WHEN r.relkind = 'm' THEN pg_catalog.pg_get_viewdef(r.oid)
              ELSE coalesce(pg_catalog.array_to_string(r.reloptions, ', '), '') END AS detail,
         r.relpersistence <> 'p' AS required, r.relispopulated AS valid,
         CASE WHEN r.relkind = 'm' THEN ARRAY(
           SELECT DISTINCT c.relname || '.' || a.attname
             FROM pg_catalog.pg_rewrite w
             JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass AND d.objid = w.oid
              AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjsubid > 0
             JOIN pg_catalog.pg_class c ON c.oid = d.refobjid
             JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum = d.refobjsubid
            WHERE w.ev_class = r.oid AND d.refobjid <> r.oid) END AS needs, r.oid, 0 AS place
    FROM relation r
  UNION ALL
  SELECT 'comment', r.relname, coalesce(a.attname, ''), d.description, '', false, true, NULL, r.oid, 0
    FROM relation r
    JOIN pg_catalog.pg_description d ON d.objoid = r.oid AND d.classoid = 'pg_catalog.pg_class'::pg_catalog.regclass
    LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = r.oid AND a.attnum = d.objsubid AND d.objsubid > 0
  UNION ALL
  SELECT 'column', r.relname, a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod),
         CASE WHEN a.attidentity <> '' THEN CASE a.attidentity WHEN 'a' THEN 'identity always' ELSE 'identity' END
              WHEN a.attgenerated <> '' THEN 'generated ' || pg_catalog.pg_get_expr(d.adbin, d.adrelid)
              ELSE coalesce(pg_catalog.pg_get_expr(d.adbin, d.adrelid), '') END,
         a.attnotnull AND NOT EXISTS (  -- since 18 nulls may be forbidden while some are there
           SELECT FROM pg_catalog.pg_constraint k
            WHERE k.conrelid = r.oid AND k.contype = 'n' AND NOT k.convalidated AND k.conkey[1] = a.attnum), true,
                NULL, r.oid, a.attnum
    FROM relation r
    JOIN pg_catalog.pg_attribute a ON a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped
    LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = r.oid AND d.adnum = a.attnum
  UNION ALL
  SELECT 'constraint', r.relname, k.conname,
         pg_catalog.regexp_replace(pg_catalog.pg_get_constraintdef(k.oid), ' NOT VALID$', ''),
         CASE k.contype WHEN 'p' THEN 'key' WHEN 'u' THEN 'unique' WHEN 'f' THEN 'foreign key' ELSE 'check' END,
         false, k.convalidated AND coalesce(i.indisvalid, true),
         ARRAY(SELECT r.relname || '.' || a.attname FROM pg_catalog.pg_attribute a
                WHERE a.attrelid = k.conrelid AND a.attnum = ANY (k.conkey)
               UNION ALL
               SELECT c.relname || '.' || a.attname FROM pg_catalog.pg_attribute a
                   JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
                WHERE a.attrelid = k.confrelid AND a.attnum = ANY (k.confkey)), k.oid, 0
    FROM relation r
    JOIN pg_catalog.pg_constraint k ON k.conrelid = r.oid AND k.contype IN ('p', 'u', 'f', 'c') AND k.conparentid = 0
    LEFT JOIN pg_catalog.pg_index i ON i.indexrelid = k.conindid AND k.contype IN ('p', 'u')
  UNION ALL
  SELECT 'index', r.relname, c.relname,
         pg_catalog.regexp_replace(pg_catalog.substr(pg_catalog.pg_get_indexdef(i.indexrelid), pg_catalog.length(
           pg_catalog.format('CREATE %%sINDEX %%I ON ', CASE WHEN i.indisunique THEN 'UNIQUE ' END, c.relname)) + 1),
           '^(ONLY )?\S+ USING ', ''),
         CASE WHEN k.oid IS NOT NULL THEN 'constraint' ELSE '' END, i.indisunique, i.indisvalid AND i.indisready,
         ARRAY(SELECT DISTINCT r.relname || '.' || a.attname
                 FROM pg_catalog.pg_depend d
                 JOIN pg_catalog.pg_attribute a ON a.attrelid = r.oid AND a.attnum = d.refobjsubid
                WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = i.indexrelid
                  AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjid = r.oid
                      AND d.refobjsubid > 0), i.indexrelid, 0
    FROM relation r
    JOIN pg_catalog.pg_index i ON i.indrelid = r.oid
    JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
    LEFT JOIN pg_catalog.pg_constraint k ON k.conindid = i.indexrelid AND k.contype IN ('p', 'u', 'x')
        AND k.conrelid = r.oid
  UNION ALL
  SELECT 'comment', r.relname, c.relname, d.description, 'index', false, true, NULL, c.oid, 0
    FROM relation r
    JOIN pg_catalog.pg_index i ON i.indrelid = r.oid
    JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
    JOIN pg_catalog.pg_description d ON d.objoid = c.oid AND d.classoid = 'pg_catalog.pg_class'::pg_catalog.regclass
  UNION ALL
  SELECT 'grant', r.relname, pg_catalog.pg_get_userbyid(x.grantee), x.privilege_type, '', false, true, NULL, r.oid, 0
    FROM relation r CROSS JOIN LATERAL pg_catalog.aclexplode(r.relacl) x
   WHERE x.grantee = 'pg_monitor'::pg_catalog.regrole
  UNION ALL
  SELECT 'trigger', r.relname, t.tgname, pg_catalog.format('%%I.%%I', n.nspname, p.proname), t.tgtype::text, false,
         t.tgenabled IN ('O', 'A'), NULL, t.oid, 0
    FROM relation r
    JOIN pg_catalog.pg_trigger t ON t.tgrelid = r.oid AND NOT t.tgisinternal
    JOIN pg_catalog.pg_proc p ON p.oid = t.tgfoid JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
   WHERE r.relname = 'content_requests'
  UNION ALL
  SELECT 'function', '', pg_catalog.format('%%s(%%s)', p.proname, pg_catalog.oidvectortypes(p.proargtypes)),
         pg_catalog.pg_get_functiondef(p.oid),
         coalesce(pg_catalog.obj_description(p.oid, 'pg_proc'), ''), false, true, NULL, p.oid, 0
    FROM pg_catalog.pg_proc p
   WHERE p.pronamespace = 'public'::pg_catalog.regnamespace AND p.prokind = 'f'
     AND p.proname IN ('ensure_partition', 'ensure_partitions', 'content_requests_search_vector')
)
SELECT kind, relation::text, name::text, definition, detail, required, valid, needs, oid::bigint AS oid
  FROM entry
 WHERE EXISTS (SELECT FROM here)
 ORDER BY kind, relation, place, name, definition
