-- What has a limit and what is used of it: connections and ids; the size of the database and the WAL written so far.
-- Ids end three million before wraparound: there the server refuses to assign more.
-- lane: slow
SELECT 'connections' AS kind, 'connections' AS subject,
       (SELECT pg_catalog.count(*) FROM pg_catalog.pg_stat_get_activity(NULL) a
         WHERE coalesce(a.backend_type = 'client backend',
                        (a.datid, a.usesysid) IS NOT NULL AND a.backend_start IS NULL))::float8
           AS used,
       (pg_catalog.current_setting('max_connections')::integer
        - pg_catalog.current_setting('superuser_reserved_connections')::integer
        -- The third setting exists from 16 on.
        - coalesce(pg_catalog.current_setting('reserved_connections', true), '0')::integer)::float8 AS "limit"
UNION ALL
SELECT 'xid', 'transaction ids',
       (SELECT pg_catalog.max(pg_catalog.age(d.datfrozenxid)) FROM pg_catalog.pg_database d), 2144483648
UNION ALL
SELECT 'mxid', 'multixact ids',
       (SELECT pg_catalog.max(pg_catalog.mxid_age(d.datminmxid)) FROM pg_catalog.pg_database d), 2144483648
UNION ALL
SELECT 'database', 'database', pg_catalog.pg_database_size(pg_catalog.current_database())::float8, NULL
UNION ALL
SELECT 'wal', 'WAL written',
       pg_catalog.pg_wal_lsn_diff(CASE WHEN pg_catalog.pg_is_in_recovery()
                                       THEN coalesce(pg_catalog.pg_last_wal_receive_lsn(),
                                                     pg_catalog.pg_last_wal_replay_lsn())
                                       ELSE pg_catalog.pg_current_wal_lsn() END, '0/0')::float8, NULL
