-- The rights of the role, its server process, and the state that makes some values dangerous.
SELECT CURRENT_USER::text AS role, r.rolsuper AS superuser,
       pg_catalog.pg_backend_pid() AS pid,
       (SELECT pg_catalog.date_part('epoch', a.backend_start)::float8 FROM pg_catalog.pg_stat_activity a
         WHERE a.pid = pg_catalog.pg_backend_pid()) AS started,
       pg_catalog.has_function_privilege('pg_catalog.pg_reload_conf()', 'EXECUTE') AS may_reload,
       pg_catalog.has_table_privilege('pg_catalog.pg_file_settings', 'SELECT')
         AND pg_catalog.has_function_privilege('pg_catalog.pg_show_all_file_settings()', 'EXECUTE') AS sees_files,
       pg_catalog.has_function_privilege('pg_catalog.pg_read_file(text, bigint, bigint, boolean)', 'EXECUTE')
         AND (r.rolsuper OR pg_catalog.pg_has_role(r.oid, 'pg_read_server_files', 'USAGE')) AS reads_files,
       coalesce(pg_catalog.current_setting('allow_alter_system', true), 'on') = 'on' AS alterable,
       CASE WHEN r.rolsuper OR pg_catalog.pg_has_role(r.oid, 'pg_read_all_settings', 'USAGE')
            THEN pg_catalog.current_setting('data_directory') END AS directory,
       pg_catalog.pg_is_in_recovery() AS standby,
       (SELECT pg_catalog.count(*) FROM pg_catalog.pg_replication_slots) AS slots,
       (SELECT pg_catalog.count(*) FROM pg_catalog.pg_replication_slots s WHERE s.slot_type = 'logical')
           AS logical_slots,
       (SELECT pg_catalog.count(*) FROM pg_catalog.pg_stat_replication) AS senders,
       (SELECT coalesce(pg_catalog.sum(d.numbackends), 0)::bigint FROM pg_catalog.pg_stat_database d) AS sessions,
       (SELECT pg_catalog.count(*) FROM pg_catalog.pg_prepared_xacts) AS prepared,
       pg_catalog.pg_size_bytes(pg_catalog.current_setting('wal_segment_size')) AS segment
  FROM pg_catalog.pg_roles r
 WHERE r.rolname = CURRENT_USER
