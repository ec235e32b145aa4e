-- How the server logs, and which functions that read its log this role may call; null: the setting is hidden from it.
-- whole: yes
SELECT pg_catalog.max(s.setting) FILTER (WHERE s.name = 'logging_collector') AS collector,
       pg_catalog.max(s.setting) FILTER (WHERE s.name = 'log_destination') AS destination,
       pg_catalog.max(s.setting) FILTER (WHERE s.name = 'log_line_prefix') AS prefix,
       pg_catalog.max(s.setting) FILTER (WHERE s.name = 'log_timezone') AS zone,
       pg_catalog.max(s.setting) FILTER (WHERE s.name = 'log_directory') AS directory,
       pg_catalog.max(s.setting) FILTER (WHERE s.name = 'lc_messages') AS language,
       pg_catalog.current_database()::text AS database,
       pg_catalog.has_function_privilege('pg_catalog.pg_ls_logdir()', 'EXECUTE') AS may_list,
       pg_catalog.has_function_privilege('pg_catalog.pg_current_logfile(text)', 'EXECUTE') AS may_ask,
       pg_catalog.has_function_privilege('pg_catalog.pg_read_binary_file(text, bigint, bigint, boolean)', 'EXECUTE')
         AS may_read
  FROM pg_catalog.pg_settings s
