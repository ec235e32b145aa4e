-- What a superuser prepares inside the pipeline database: extensions and privileges.
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

-- The application may read and write the rows of what the owner creates, and never change definitions.
ALTER DEFAULT PRIVILEGES FOR ROLE pipeline_owner GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO pipeline_app;

ALTER DEFAULT PRIVILEGES FOR ROLE pipeline_owner GRANT USAGE, SELECT ON SEQUENCES TO pipeline_app;

ALTER DEFAULT PRIVILEGES FOR ROLE pipeline_owner GRANT USAGE ON SCHEMAS TO pipeline_app;
