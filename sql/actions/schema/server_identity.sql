-- What tells this server from others wherever it is reached; a standby has that of its primary.
SELECT c.system_identifier::text AS identifier FROM pg_catalog.pg_control_system() c
