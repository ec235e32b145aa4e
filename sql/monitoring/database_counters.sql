-- What each database counted since its statistics were reset: deadlocks, temporary files, sessions, checksum failures.
SELECT d.oid::bigint AS oid, d.datname::text AS database,
       pg_catalog.pg_stat_get_db_deadlocks(d.oid) AS deadlocks,
       pg_catalog.pg_stat_get_db_temp_files(d.oid) AS temp_files,
       pg_catalog.pg_stat_get_db_temp_bytes(d.oid) AS temp_bytes,
       pg_catalog.pg_stat_get_db_sessions(d.oid) AS sessions,
       pg_catalog.pg_stat_get_db_session_time(d.oid) / 1000 AS session_seconds,
       pg_catalog.pg_stat_get_db_numbackends(d.oid) AS backends,
       pg_catalog.pg_stat_get_db_checksum_failures(d.oid) AS checksum_failures,
       pg_catalog.date_part('epoch', pg_catalog.clock_timestamp()
                            - pg_catalog.pg_stat_get_db_checksum_last_failure(d.oid)) AS checksum_failure_age
  FROM (SELECT b.oid, b.datname FROM pg_catalog.pg_database b
        UNION ALL SELECT 0::oid, '(shared catalogs)'::name) d
 ORDER BY d.oid
