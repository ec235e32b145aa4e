-- Which sessions there are, which VACUUMs run, and who holds the oldest snapshot here, as CTEs that end with `pin`.
session AS MATERIALIZED (
  SELECT * FROM pg_catalog.pg_stat_get_activity(NULL)
), running AS MATERIALIZED (
  SELECT v.pid, v.relid FROM pg_catalog.pg_stat_get_progress_info('VACUUM') v
), pin AS MATERIALIZED (
  SELECT p.* FROM (
    SELECT 'pid ' || pg_catalog.concat_ws(' ', s.pid, nullif(s.application_name, '')) AS name, s.xact_start AS began,
           greatest(pg_catalog.age(s.backend_xmin), pg_catalog.age(s.backend_xid)) AS age
      FROM session s
      JOIN pg_catalog.pg_database d ON d.oid = s.datid AND d.datname = pg_catalog.current_database()
     WHERE s.pid <> pg_catalog.pg_backend_pid() AND s.pid NOT IN (SELECT r.pid FROM running r)
    UNION ALL
    SELECT 'prepared ' || t.gid, t.prepared, pg_catalog.age(t.transaction)
      FROM pg_catalog.pg_prepared_xact() t
      JOIN pg_catalog.pg_database d ON d.oid = t.dbid AND d.datname = pg_catalog.current_database()
    UNION ALL
    SELECT 'slot ' || l.slot_name, NULL, pg_catalog.age(l.xmin)
      FROM pg_catalog.pg_get_replication_slots() l WHERE l.wal_status IS DISTINCT FROM 'lost'
    UNION ALL
    SELECT 'standby ' || pg_catalog.concat_ws(' ', s.pid, nullif(s.application_name, '')), NULL,
           pg_catalog.age(s.backend_xmin)
      FROM session s WHERE s.backend_type = 'walsender'
  ) p
   WHERE p.age IS NOT NULL
   ORDER BY p.age DESC, p.began LIMIT 1
)
