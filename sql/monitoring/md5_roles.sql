-- Roles that may log in and whose password is stored as an MD5 hash.
-- grant: SELECT ON pg_catalog.pg_authid
SELECT a.rolname::text AS role
  FROM pg_catalog.pg_authid a
 WHERE a.rolcanlogin AND a.rolpassword ~ '^md5[0-9a-f]{32}$'
 ORDER BY a.rolname
