-- pg_drop_replication_slot of one inactive slot, with the WAL that it retains; and why it may not be.
-- `synced` exists from 17 on; it is null before.
WITH me AS MATERIALIZED (
  SELECT r.rolsuper OR r.rolreplication AS may FROM pg_catalog.pg_roles r WHERE r.rolname = CURRENT_USER
), slot AS MATERIALIZED (
  SELECT s.*, d.datname, (pg_catalog.to_jsonb(s) ->> 'synced')::boolean AS from_primary
    FROM pg_catalog.pg_get_replication_slots() s LEFT JOIN pg_catalog.pg_database d ON d.oid = s.datoid
   WHERE s.slot_name = %(slot)s::text
)
SELECT pg_catalog.format('SELECT pg_catalog.pg_drop_replication_slot(s.slot_name)'
                         || ' FROM pg_catalog.pg_get_replication_slots() s WHERE s.slot_name = %%L AND NOT s.active'
                         || ' AND s.slot_type = %%L AND (s.datoid, s.plugin, s.restart_lsn)'
                         || ' IS NOT DISTINCT FROM (%%L::oid, %%L::name, %%L::pg_lsn)',
                         s.slot_name, s.slot_type, s.datoid, s.plugin, s.restart_lsn) AS sql,
       false AS transaction,
       pg_catalog.concat(s.slot_type, ' slot', ' of database ' || s.datname, ' (' || s.plugin || ')',
                         CASE s.wal_status WHEN 'lost' THEN '; the WAL it needs is lost already'
                                           ELSE '; the WAL that only it retains is removed at the next checkpoint' END)
           AS note,
       CASE WHEN s.restart_lsn IS NOT NULL
            THEN pg_catalog.pg_size_pretty(pg_catalog.pg_wal_lsn_diff(n.lsn, s.restart_lsn)) || ' of WAL' END
         AS estimate,
       pg_catalog.format('SELECT pg_catalog.count(*) = 0,'
                         || ' ''It is still there: it is in use, or was used or created again meanwhile.'''
                         || ' FROM pg_catalog.pg_get_replication_slots() s WHERE s.slot_name = %%L', s.slot_name)
         AS expect,
       CASE WHEN s.slot_name IS NULL THEN 'There is no replication slot ' || w.slot || '.'
            WHEN s.active THEN 'Slot ' || s.slot_name || ' is in use by pid ' || coalesce(s.active_pid::text, '?')
                || ': only an inactive slot is dropped.'
            WHEN s.restart_lsn <> %(restart_lsn)s::pg_lsn THEN 'Slot ' || s.slot_name
                || ' is no longer what was seen: it was used or created again meanwhile; nothing was dropped.'
            WHEN s.temporary THEN 'Slot ' || s.slot_name || ' is temporary: it ends with its session.'
            WHEN s.from_primary THEN 'Slot ' || s.slot_name || ' is synchronized from the primary: drop it there.'
            WHEN NOT me.may THEN 'This role lacks REPLICATION, without which no slot can be dropped.' END AS refused,
       CASE WHEN s.active THEN 'Stop its consumer first, if it is really no longer needed.'
            WHEN s.slot_name IS NULL OR s.restart_lsn <> %(restart_lsn)s::pg_lsn OR s.temporary OR s.from_primary
            THEN ''
            WHEN NOT me.may THEN pg_catalog.format('ALTER ROLE %%I REPLICATION;', CURRENT_USER) END AS remedy,
       s.slot_type AS kind
  FROM (SELECT %(slot)s::text AS slot) w
 CROSS JOIN me
 CROSS JOIN (SELECT CASE WHEN pg_catalog.pg_is_in_recovery() THEN pg_catalog.pg_last_wal_replay_lsn()
                         ELSE pg_catalog.pg_current_wal_lsn() END AS lsn) n
  LEFT JOIN slot s ON true
