-- The state of a database before its set-up, and the privileges of the connected role; one row.
WITH relation AS MATERIALIZED (
  SELECT n.nspname || '.' || c.relname AS name, pg_catalog.format('%%I.%%I', n.nspname, c.relname) AS quoted,
         c.relkind, c.relispopulated, c.relowner
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
   WHERE c.relkind IN ('r', 'p', 'm') AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
), policy AS (
  SELECT w.ordinality, w.name, r.relkind
    FROM pg_catalog.unnest(%(tables)s::text[]) WITH ORDINALITY w(name, ordinality)
    LEFT JOIN relation r ON w.name IN (r.name, r.quoted)
), owner AS (  -- the role created as owner, unless another role owns the ledger: then a page must name that role
  SELECT r.oid, r.rolname,
         CASE WHEN pg_catalog.current_setting('server_version_num')::integer >= 160000
              THEN pg_catalog.pg_has_role(r.oid, 'SET')
              ELSE pg_catalog.pg_has_role(r.oid, 'MEMBER') END AS may
    FROM pg_catalog.pg_roles r
   WHERE r.rolname = %(owner)s::text AND r.rolname <> CURRENT_USER
     AND NOT EXISTS (SELECT FROM relation l WHERE l.name = 'public.schema_migrations' AND l.relowner <> r.oid)
), schema AS (
  SELECT n.oid FROM pg_catalog.pg_namespace n WHERE n.nspname = 'public'
)
SELECT pg_catalog.getdatabaseencoding()::text AS encoding,
       pg_catalog.pg_is_in_recovery() AS standby,
       r.rolsuper AS superuser, r.rolcreaterole AS makes_roles,
       coalesce((SELECT pg_catalog.has_schema_privilege(s.oid, 'CREATE') FROM schema s), false) AS may_create,
       (SELECT o.rolname::text FROM owner o, schema s
         WHERE o.may AND pg_catalog.has_schema_privilege(o.oid, s.oid, 'CREATE')) AS owner,
       EXISTS (SELECT FROM relation l WHERE l.name = 'public.schema_migrations') AS ledger,
       (SELECT pg_catalog.count(*) FROM relation t WHERE t.name = ANY (%(names)s::text[])) AS tables,
       ARRAY(SELECT p.name FROM policy p WHERE p.relkind = 'r' ORDER BY p.ordinality) AS plain,
       ARRAY(SELECT v.name FROM pg_catalog.unnest(%(views)s::text[]) v(name)
              WHERE NOT EXISTS (SELECT FROM relation m
                                 WHERE v.name IN (m.name, m.quoted) AND m.relispopulated)) AS unfilled,
       ARRAY(SELECT p.name FROM pg_catalog.pg_settings p WHERE p.pending_restart ORDER BY p.name) AS waiting
  FROM pg_catalog.pg_roles r
 WHERE r.rolname = CURRENT_USER
