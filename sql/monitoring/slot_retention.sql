-- Replication slots with the WAL that each retains, and how long it has been unused (17 and later).
SELECT s.slot_name::text AS slot_name, s.slot_type, d.datname::text AS database, s.active, s.active_pid, s.wal_status,
       pg_catalog.pg_wal_lsn_diff(n.lsn, s.restart_lsn)::bigint AS retained, s.safe_wal_size,
       pg_catalog.date_part('epoch', pg_catalog.clock_timestamp()
                            - (pg_catalog.to_jsonb(s) ->> 'inactive_since')::timestamptz) AS inactive_age,
       pg_catalog.to_jsonb(s) ->> 'invalidation_reason' AS invalidation_reason,
       pg_catalog.age(s.xmin) AS xmin_age, pg_catalog.age(s.catalog_xmin) AS catalog_xmin_age, s.plugin::text AS plugin,
       pg_catalog.pg_wal_lsn_diff(n.lsn, s.confirmed_flush_lsn)::bigint AS unconfirmed,
       (pg_catalog.to_jsonb(s) ->> 'synced')::boolean AS synced,
       s.restart_lsn::text AS restart_lsn
  FROM pg_catalog.pg_get_replication_slots() s
  LEFT JOIN pg_catalog.pg_database d ON d.oid = s.datoid
 CROSS JOIN (SELECT CASE WHEN pg_catalog.pg_is_in_recovery() THEN pg_catalog.pg_last_wal_replay_lsn()
                         ELSE pg_catalog.pg_current_wal_lsn() END AS lsn) n
 WHERE NOT s.temporary
