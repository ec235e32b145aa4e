-- Databases: sizes, connections and their limit, transactions, temporary files, deadlocks, age of transaction ids.
-- The size of a database is known to those who may connect to it or read all statistics; else it is NULL.
SELECT d.oid::bigint AS oid, d.datname::text AS database, pg_catalog.pg_get_userbyid(d.datdba)::text AS owner,
       CASE WHEN pg_catalog.has_database_privilege(d.oid, 'CONNECT')
              OR pg_catalog.pg_has_role('pg_read_all_stats', 'USAGE')
            THEN pg_catalog.pg_database_size(d.oid) END AS size,
       pg_catalog.pg_stat_get_db_numbackends(d.oid) AS sessions, nullif(d.datconnlimit, -1) AS session_limit,
       100.0::float8 * pg_catalog.pg_stat_get_db_numbackends(d.oid) / nullif(greatest(d.datconnlimit, 0), 0)
         AS used_pct,
       d.datallowconn AS connectable, d.datistemplate AS template,
       pg_catalog.age(d.datfrozenxid) AS xid_age, pg_catalog.mxid_age(d.datminmxid) AS mxid_age,
       100.0::float8 * pg_catalog.age(d.datfrozenxid) / 2147483648.0::float8 AS limit_pct,
       s.commits, s.rollbacks, s.commits + s.rollbacks AS transactions, s.hits, s.hits + s.reads AS blocks,
       s.temp_files, s.temp_bytes, s.deadlocks, s.opened, s.abandoned, s.fatal, s.killed, s.checksum_failures,
       pg_catalog.date_part('epoch', pg_catalog.pg_stat_get_db_stat_reset_time(d.oid)) AS counted_from
  FROM pg_catalog.pg_database d
 CROSS JOIN LATERAL (
       SELECT pg_catalog.pg_stat_get_db_xact_commit(d.oid) AS commits,
              pg_catalog.pg_stat_get_db_xact_rollback(d.oid) AS rollbacks,
              pg_catalog.pg_stat_get_db_blocks_hit(d.oid) AS hits,
              pg_catalog.pg_stat_get_db_blocks_fetched(d.oid) - pg_catalog.pg_stat_get_db_blocks_hit(d.oid) AS reads,
              pg_catalog.pg_stat_get_db_temp_files(d.oid) AS temp_files,
              pg_catalog.pg_stat_get_db_temp_bytes(d.oid) AS temp_bytes,
              pg_catalog.pg_stat_get_db_deadlocks(d.oid) AS deadlocks,
              pg_catalog.pg_stat_get_db_sessions(d.oid) AS opened,
              pg_catalog.pg_stat_get_db_sessions_abandoned(d.oid) AS abandoned,
              pg_catalog.pg_stat_get_db_sessions_fatal(d.oid) AS fatal,
              pg_catalog.pg_stat_get_db_sessions_killed(d.oid) AS killed,
              pg_catalog.pg_stat_get_db_checksum_failures(d.oid) AS checksum_failures) s
