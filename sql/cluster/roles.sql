-- The roles of the pipeline: created, or given a new password.
-- The session settings pipeline.owner, .app, .monitor and .pooler hold the verifiers. Each statement ends with an empty
-- line, which single-user mode needs.
DO $roles$
DECLARE
    entry record;
BEGIN
    FOR entry IN
        SELECT wanted.name, pg_catalog.current_setting(wanted.setting) AS verifier
          FROM (VALUES ('pipeline_owner', 'pipeline.owner'),
                       ('pipeline_app', 'pipeline.app'),
                       ('pipeline_monitor', 'pipeline.monitor'),
                       ('pgbouncer_auth', 'pipeline.pooler')) AS wanted (name, setting)
    LOOP
        IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles AS r WHERE r.rolname = entry.name) THEN
            EXECUTE pg_catalog.format('CREATE ROLE %I LOGIN', entry.name);
        END IF;
        EXECUTE pg_catalog.format('ALTER ROLE %I PASSWORD %L', entry.name, entry.verifier);
    END LOOP;
END
$roles$;

-- The owner maintains the database, and the console of the demo connects as it: it may see and end every session.
GRANT pg_monitor, pg_signal_backend TO pipeline_owner;

-- Monitoring only: statistics, sessions and estimates, but no rows of the pipeline.
GRANT pg_monitor TO pipeline_monitor;

