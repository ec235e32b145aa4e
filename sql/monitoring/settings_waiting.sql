-- The values that settings with a pending restart will have, and what decides whether the server will start with them.
-- grant: SELECT ON pg_catalog.pg_file_settings; EXECUTE ON FUNCTION pg_catalog.pg_show_all_file_settings()
SELECT w.name AS waiting_name,
       coalesce((
        SELECT CASE WHEN f.setting ~* 'password\s*=' OR f.setting ~ '://[^/@]*:[^@]*@'
                      OR (f.setting <> '' AND f.name ~* 'passphrase|password$|secret|token|api_?key') THEN '***'
                    ELSE f.setting END
          FROM pg_catalog.pg_file_settings f WHERE pg_catalog.lower(f.name) = pg_catalog.lower(w.name)
         ORDER BY f.seqno DESC LIMIT 1),
         -- Its line is gone: the default.
         (SELECT s.boot_val FROM pg_catalog.pg_settings s WHERE s.name = w.name)) AS waiting,
       pg_catalog.pg_is_in_recovery() AS standby, r.slots, r.logical_slots,
       (SELECT pg_catalog.count(*) FROM pg_catalog.pg_stat_get_wal_senders()) AS senders,
       (SELECT coalesce(pg_catalog.sum(pg_catalog.pg_stat_get_db_numbackends(d.oid)), 0)::bigint
          FROM pg_catalog.pg_database d) AS sessions,
       (SELECT pg_catalog.count(*) FROM pg_catalog.pg_prepared_xact()) AS prepared,
       pg_catalog.pg_size_bytes(pg_catalog.current_setting('wal_segment_size')) AS segment
  FROM pg_catalog.unnest(%(waiting_name)s::text[]) w(name)
 CROSS JOIN (SELECT pg_catalog.count(*) AS slots,
                    pg_catalog.count(*) FILTER (WHERE s.slot_type = 'logical') AS logical_slots
               FROM pg_catalog.pg_get_replication_slots() s) r
