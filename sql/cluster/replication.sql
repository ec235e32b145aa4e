-- The role as which a streaming replica connects; the setting pipeline.replication holds its verifier.
DO $replication$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles AS r WHERE r.rolname = 'pipeline_replication') THEN
        CREATE ROLE pipeline_replication LOGIN REPLICATION;
    END IF;
    EXECUTE pg_catalog.format(
        'ALTER ROLE pipeline_replication PASSWORD %L', pg_catalog.current_setting('pipeline.replication'));
END
$replication$;

