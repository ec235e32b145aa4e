-- How the server logs, and which functions that read its log this role may call; null: the setting is hidden from it.
-- whole: yes
-- Each by itself: pg_settings evaluates all of them, which costs thirty times as much.
SELECT pg_catalog.current_setting('logging_collector') AS collector,
       pg_catalog.current_setting('log_destination') AS destination,
       pg_catalog.current_setting('log_line_prefix') AS prefix,
       pg_catalog.current_setting('log_timezone') AS zone,
       CASE WHEN pg_catalog.pg_has_role('pg_read_all_settings', 'USAGE')
            THEN pg_catalog.current_setting('log_directory') END AS directory,
       pg_catalog.current_setting('lc_messages') AS language,
       pg_catalog.current_database()::text AS database,
       pg_catalog.has_function_privilege('pg_catalog.pg_ls_logdir()', 'EXECUTE') AS may_list,
       pg_catalog.has_function_privilege('pg_catalog.pg_current_logfile(text)', 'EXECUTE') AS may_ask,
       pg_catalog.has_function_privilege('pg_catalog.pg_read_binary_file(text, bigint, bigint, boolean)', 'EXECUTE')
         AS may_read
