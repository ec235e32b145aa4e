-- What a superuser prepares inside the pipeline database: extensions, who may do what, the pooler's password look-up.
DO $extensions$
DECLARE
    extension name;
BEGIN
    FOR extension IN
        SELECT available.name
          FROM pg_catalog.pg_available_extensions AS available
         WHERE available.name IN ('pg_stat_statements', 'pgstattuple', 'pg_buffercache', 'pg_prewarm')
    LOOP
        EXECUTE pg_catalog.format('CREATE EXTENSION IF NOT EXISTS %I', extension);
    END LOOP;
END
$extensions$;

REVOKE CREATE ON SCHEMA public FROM PUBLIC;

GRANT ALL ON SCHEMA public TO pipeline_owner;

-- The application works on rows of whatever the owner creates, and never on definitions.
ALTER DEFAULT PRIVILEGES FOR ROLE pipeline_owner GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO pipeline_app;

ALTER DEFAULT PRIVILEGES FOR ROLE pipeline_owner GRANT USAGE, SELECT ON SEQUENCES TO pipeline_app;

ALTER DEFAULT PRIVILEGES FOR ROLE pipeline_owner GRANT USAGE ON SCHEMAS TO pipeline_app;

CREATE SCHEMA IF NOT EXISTS pgbouncer;

REVOKE ALL ON SCHEMA pgbouncer FROM PUBLIC;

GRANT USAGE ON SCHEMA pgbouncer TO pgbouncer_auth;

-- Runs as its owner, a superuser, because only such may read verifiers; superusers and expired roles are left out.
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

