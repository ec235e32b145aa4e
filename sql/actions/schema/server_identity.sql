-- Identifies this server under whatever address it is reached; a standby has the identity of its primary.
SELECT c.system_identifier::text AS identifier FROM pg_catalog.pg_control_system() c
