-- Of idle sessions only the number counts, and when they were last busy: `session` has the others.
session AS MATERIALIZED (
  SELECT a.pid, a.backend_type, a.state, a.wait_event_type, a.xact_start, a.query_start, a.state_change,
         a.application_name, a.backend_xid, a.backend_xmin, a.wait_event, a.query_id, a.usesysid, a.datid,
         a.client_addr,
         -- Of a parallel worker that ends, too, the type is not known, but when it began.
         coalesce(a.backend_type = 'client backend',
                  (a.datid, a.usesysid) IS NOT NULL AND a.backend_start IS NULL) AS client
    FROM activity a
   WHERE a.state IS DISTINCT FROM 'idle' OR a.backend_xmin IS NOT NULL OR a.backend_xid IS NOT NULL
), prepared AS MATERIALIZED (
  SELECT t.gid, t.transaction, t.prepared FROM pg_catalog.pg_prepared_xact() t
), running (xid) AS MATERIALIZED (
  SELECT o.backend_xid FROM session o WHERE o.backend_xid IS NOT NULL
  UNION ALL SELECT p.transaction FROM prepared p
), slot AS MATERIALIZED (
  SELECT CASE WHEN r.active THEN 'slot ' ELSE 'inactive slot ' END || r.slot_name::text AS name, r.xmin, r.catalog_xmin
    FROM pg_catalog.pg_get_replication_slots() r WHERE r.wal_status IS DISTINCT FROM 'lost'
), aged AS (
  SELECT CASE WHEN s.backend_type = 'walsender' THEN 'standby feedback ' ELSE 'session ' END AS kind, s.pid,
         s.application_name AS name,
         greatest(pg_catalog.age(s.backend_xid),
                  CASE WHEN s.backend_xmin = s.backend_xid OR s.backend_xmin NOT IN (SELECT r.xid FROM running r)
                       THEN pg_catalog.age(s.backend_xmin) END) AS age
    FROM session s
   WHERE (s.backend_xid IS NOT NULL OR s.backend_xmin IS NOT NULL)
     AND s.pid <> pg_catalog.pg_backend_pid()
     AND s.pid NOT IN (SELECT v.pid FROM pg_catalog.pg_stat_get_progress_info('VACUUM') v)
  UNION ALL
  SELECT 'prepared transaction ', NULL, p.gid, pg_catalog.age(p.transaction) FROM prepared p
  UNION ALL
  SELECT '', NULL, r.name, pg_catalog.age(r.xmin) FROM slot r
)
