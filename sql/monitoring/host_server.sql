-- By what the machine of the server is recognised, where its data is, and whether this role may read files there.
-- whole: yes
SELECT pg_catalog.pg_backend_pid() AS pid,
       (SELECT pg_catalog.date_part('epoch', s.backend_start)
          FROM pg_catalog.pg_stat_get_activity(pg_catalog.pg_backend_pid()) s) AS started,
       CASE WHEN r.rolsuper OR pg_catalog.pg_has_role(r.oid, 'pg_read_all_settings', 'USAGE')
            THEN pg_catalog.current_setting('data_directory') END AS directory,
       r.rolsuper OR pg_catalog.pg_has_role(r.oid, 'pg_read_server_files', 'USAGE') AS any_file,
       pg_catalog.has_function_privilege('pg_catalog.pg_read_file(text, bigint, bigint, boolean)', 'EXECUTE')
           AS may_call,
       ARRAY(SELECT t.spcname::text FROM pg_catalog.pg_tablespace t
              WHERE pg_catalog.pg_tablespace_location(t.oid) <> '' ORDER BY t.spcname) AS tablespaces,
       ARRAY(SELECT pg_catalog.pg_tablespace_location(t.oid) FROM pg_catalog.pg_tablespace t
              WHERE pg_catalog.pg_tablespace_location(t.oid) <> '' ORDER BY t.spcname) AS locations
  FROM pg_catalog.pg_roles r
 WHERE r.rolname = CURRENT_USER
