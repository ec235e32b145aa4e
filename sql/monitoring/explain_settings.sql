-- With which search_path and planner settings the sessions of a role begin in this database, and where that is set.
-- whole: yes
WITH asked AS (
  SELECT r.oid, r.rolname FROM pg_catalog.pg_roles r
   WHERE r.rolname = coalesce(nullif(%(role)s::text, ''), SESSION_USER::text)
), here AS (
  SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database()
), kept AS (
  SELECT a.oid AS asked, s.setrole, s.setdatabase, pg_catalog.split_part(v.text, '=', 1) AS name,
         pg_catalog.substr(v.text, pg_catalog.strpos(v.text, '=') + 1) AS value
    FROM pg_catalog.pg_db_role_setting s
   CROSS JOIN LATERAL pg_catalog.unnest(s.setconfig) v(text)
   CROSS JOIN here h
    JOIN pg_catalog.pg_roles a ON s.setrole IN (0, a.oid)
   WHERE s.setdatabase IN (0, h.oid) AND a.rolname IN ((SELECT k.rolname FROM asked k), SESSION_USER)
), chosen AS (
  SELECT DISTINCT ON (k.name) k.name, k.value,
         CASE WHEN k.setrole <> 0 AND k.setdatabase <> 0 THEN 'of the role in this database'
              WHEN k.setrole <> 0 THEN 'of the role' ELSE 'of the database' END AS source
    FROM kept k JOIN asked a ON a.oid = k.asked
   ORDER BY k.name, (k.setrole <> 0)::integer + 2 * (k.setrole <> 0 AND k.setdatabase <> 0)::integer DESC
)
SELECT s.name::text AS name,
       CASE WHEN s.name = 'search_path'
            THEN pg_catalog.replace(v.value, '"$user"', (SELECT pg_catalog.quote_ident(a.rolname) FROM asked a))
            ELSE v.value END AS value,
       coalesce(c.source, 'of the server') AS source
  FROM pg_catalog.pg_settings s
  LEFT JOIN chosen c ON c.name = s.name
 CROSS JOIN LATERAL (
         SELECT coalesce(c.value, CASE WHEN EXISTS (SELECT FROM kept k JOIN pg_catalog.pg_roles r ON r.oid = k.asked
                                                     WHERE r.rolname = SESSION_USER AND k.name = s.name)
                                            OR s.reset_val = 'pg_catalog, pg_temp'
                                       THEN s.boot_val ELSE s.reset_val END) AS value) v
 WHERE s.name IN ('search_path', 'work_mem', 'hash_mem_multiplier', 'lock_timeout')
    OR c.name IS NOT NULL AND s.category LIKE 'Query Tuning%%'
 ORDER BY s.name <> 'search_path', s.name
