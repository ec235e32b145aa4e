-- The function with which PgBouncer looks up SCRAM verifiers; only its own role may run it.
CREATE SCHEMA IF NOT EXISTS pgbouncer;

REVOKE ALL ON SCHEMA pgbouncer FROM PUBLIC;

GRANT USAGE ON SCHEMA pgbouncer TO pgbouncer_auth;

-- SECURITY DEFINER, owned by a superuser: only superusers may read verifiers. Superusers and expired roles have none.
CREATE OR REPLACE FUNCTION pgbouncer.get_auth(wanted text)
    RETURNS TABLE (username text, password text)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $get_auth$
    SELECT a.rolname::text, a.rolpassword
      FROM pg_catalog.pg_authid AS a
     WHERE a.rolname = wanted AND a.rolcanlogin AND NOT a.rolsuper AND NOT a.rolreplication
       AND (a.rolvaliduntil IS NULL OR a.rolvaliduntil > pg_catalog.now())
$get_auth$;

REVOKE ALL ON FUNCTION pgbouncer.get_auth(text) FROM PUBLIC;

GRANT EXECUTE ON FUNCTION pgbouncer.get_auth(text) TO pgbouncer_auth;

