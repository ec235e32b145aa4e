(s.datid IS NOT NULL OR s.backend_type = 'walsender' OR s.backend_type IS NULL AND s.usesysid IS NOT NULL)
   AND s.pid <> pg_catalog.pg_backend_pid()
   -- The other connection of this console. One of another role or machine is shown as any session.
   AND NOT (s.application_name = (SELECT pg_catalog.current_setting('application_name'))
            AND pg_catalog.pg_get_userbyid(s.usesysid) = SESSION_USER
            AND s.client_addr IS NOT DISTINCT FROM pg_catalog.inet_client_addr())
