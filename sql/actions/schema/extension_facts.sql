-- What extensions need besides CREATE EXTENSION: preloaded libraries, and who packaged the server.
SELECT (SELECT s.setting FROM pg_catalog.pg_settings s WHERE s.name = 'shared_preload_libraries') AS preloaded,
       pg_catalog.version() AS version,
       coalesce((SELECT pg_catalog.bool_or(s.pending_restart) FROM pg_catalog.pg_settings s
                 WHERE s.name = 'shared_preload_libraries'), false) AS waits
