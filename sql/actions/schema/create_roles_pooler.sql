-- Statements for PgBouncer's look-up of password verifiers, if it is missing or differs.
WITH me AS MATERIALIZED (
  SELECT r.rolname, r.rolsuper FROM pg_catalog.pg_roles r WHERE r.rolname = CURRENT_USER
), pooler AS MATERIALIZED (
  SELECT r.oid FROM (VALUES (1)) v LEFT JOIN pg_catalog.pg_roles r ON r.rolname = 'pgbouncer_auth'
), found AS MATERIALIZED (
  SELECT n.oid AS schema, s.rolsuper AS schema_safe, s.rolname AS schema_owner, p.oid AS function,
         f.rolsuper AS function_safe, f.rolname AS function_owner,
         p.prosrc = %(body)s AND p.prosecdef AND p.proconfig = ARRAY['search_path=pg_catalog, pg_temp'] AND f.rolsuper
         AND NOT EXISTS (SELECT FROM pg_catalog.aclexplode(coalesce(p.proacl, pg_catalog.acldefault('f', p.proowner))) a
                         WHERE a.grantee = 0)
         AND pg_catalog.has_function_privilege(o.oid, p.oid, 'EXECUTE')
         AND pg_catalog.has_schema_privilege(o.oid, n.oid, 'USAGE')
         AND NOT EXISTS (SELECT FROM pg_catalog.aclexplode(coalesce(n.nspacl, pg_catalog.acldefault('n', n.nspowner))) a
                         WHERE a.grantee = 0) AS proper
    FROM pooler o
    LEFT JOIN pg_catalog.pg_namespace n ON n.nspname = 'pgbouncer'
    LEFT JOIN pg_catalog.pg_roles s ON s.oid = n.nspowner
    LEFT JOIN pg_catalog.pg_proc p ON p.pronamespace = n.oid AND p.proname = 'get_auth'
     AND p.proargtypes = '25'::pg_catalog.oidvector
    LEFT JOIN pg_catalog.pg_roles f ON f.oid = p.proowner
), refusal AS (
  SELECT pg_catalog.format('The schema pgbouncer, or its function get_auth, is owned by %%I, who could change code '
                           'that runs as superuser.',
                           CASE WHEN f.schema_safe THEN f.function_owner ELSE f.schema_owner END) AS refused,
         'Change their owner to a superuser, or drop them.' AS remedy
    FROM found f CROSS JOIN me
   WHERE me.rolsuper AND ((f.schema IS NOT NULL AND f.schema_safe IS NOT TRUE) OR (f.function IS NOT NULL
         AND f.function_safe IS NOT TRUE))
), step AS (
  SELECT 1 AS ordinal, 'CREATE SCHEMA pgbouncer' AS sql, 'DROP SCHEMA pgbouncer' AS undo,
         'contains only the look-up function' AS note, NULL AS notice
    FROM found f CROSS JOIN me WHERE me.rolsuper AND f.schema IS NULL
  UNION ALL
  SELECT 2, %(text)s, CASE WHEN f.function IS NULL THEN 'DROP FUNCTION pgbouncer.get_auth(text)'
         ELSE pg_catalog.pg_get_functiondef(f.function) END,
         'PgBouncer looks up password verifiers with it, so that no user is listed in a file; it returns none for '
         'superusers', NULL
    FROM found f CROSS JOIN me WHERE me.rolsuper AND f.proper IS NOT TRUE
  UNION ALL
  SELECT 3, NULL, NULL, NULL,
         'Skipped: pgbouncer.get_auth, because only a superuser may read verifiers. Without it, write-pgbouncer-config '
         'lists the users in auth_file.'
    FROM found f CROSS JOIN me WHERE NOT me.rolsuper AND f.proper IS NOT TRUE
)
SELECT r.refused, r.remedy, NULL AS notice, NULL AS secret, NULL AS sql, NULL AS undo, NULL AS note, 'none' AS lock,
       'roles' AS "group" FROM refusal r
UNION ALL
SELECT NULL, NULL, s.notice, NULL, s.sql, s.undo, s.note, 'none',
       'roles' FROM step s WHERE NOT EXISTS (SELECT FROM refusal)
