-- The owner of the pipeline's tables, and what prevents this role from altering them; one row.
WITH pipeline AS (
  SELECT c.relowner, pg_catalog.pg_has_role(c.relowner, 'USAGE') AS mine,
         pg_catalog.format('%%I.%%I', n.nspname, c.relname) AS name
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
   WHERE c.relkind IN ('r', 'p') AND n.nspname = 'public' AND c.relname::text = ANY (%(names)s::text[])
), owner AS (  -- the owner of most tables
  SELECT p.relowner AS oid FROM pipeline p GROUP BY 1 ORDER BY pg_catalog.count(*) DESC, 1 LIMIT 1
)
SELECT coalesce(pg_catalog.pg_get_userbyid(o.oid), CURRENT_USER)::text AS owner,
       CASE WHEN f.name IS NOT NULL THEN pg_catalog.format('%%s is owned by %%I: only its owner may alter it.',
                                                          f.name, pg_catalog.pg_get_userbyid(f.relowner))
            WHEN NOT pg_catalog.has_schema_privilege('public', 'CREATE')
                THEN 'This role lacks CREATE on schema public.'
       END AS refused,
       CASE WHEN f.name IS NOT NULL THEN 'Connect as its owner.'
            ELSE 'GRANT CREATE ON SCHEMA public TO the role.' END AS remedy,
       EXISTS (SELECT FROM pg_catalog.pg_available_extensions e WHERE e.name = 'btree_gin') AS has_btree_gin,
       EXISTS (SELECT FROM pg_catalog.pg_extension e WHERE e.extname = 'btree_gin') AS btree_gin,
       pg_catalog.has_database_privilege(pg_catalog.current_database(), 'CREATE')
         AND EXISTS (SELECT FROM pg_catalog.pg_available_extension_versions v
                      WHERE v.name = 'btree_gin' AND (v.trusted OR r.rolsuper)) AS may_extend,
       r.rolsuper AS superuser
  FROM pg_catalog.pg_roles r
  LEFT JOIN owner o ON true  -- maybe only views or foreign tables have the names
  LEFT JOIN LATERAL (SELECT p.name, p.relowner FROM pipeline p WHERE NOT p.mine ORDER BY p.name LIMIT 1) f ON true
 WHERE r.rolname = CURRENT_USER
