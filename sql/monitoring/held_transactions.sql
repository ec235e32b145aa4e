-- Who holds an old snapshot or transaction: sessions, prepared transactions, slots, standby feedback; the oldest first.
-- A snapshot inherits the oldest transaction id that still runs in any database: whose xmin is the id of another's
-- transaction holds nothing back itself. The snapshot of a running VACUUM holds back no other one, and the WAL sender
-- of a slot shows the slot's.
WITH session AS MATERIALIZED (
  SELECT a.*, coalesce(a.state LIKE 'idle in transaction%%', false) AS left_open
    FROM pg_catalog.pg_stat_get_activity(NULL) a
), prepared AS MATERIALIZED (
  SELECT * FROM pg_catalog.pg_prepared_xact()
), slot AS MATERIALIZED (
  SELECT * FROM pg_catalog.pg_get_replication_slots()
), running (xid) AS MATERIALIZED (
  SELECT o.backend_xid FROM session o WHERE o.backend_xid IS NOT NULL
  UNION ALL SELECT p.transaction FROM prepared p
), moment AS MATERIALIZED (
  SELECT ARRAY(SELECT v.pid FROM pg_catalog.pg_stat_get_progress_info('VACUUM') v
               UNION ALL SELECT s.active_pid FROM slot s WHERE s.active_pid IS NOT NULL) AS exempt,
         pg_catalog.clock_timestamp() AS at
), held AS (
  SELECT CASE WHEN s.backend_type = 'walsender' THEN 'standby' ELSE 'session' END AS kind,
         s.application_name AS name, s.pid, s.backend_start::text AS backend_start, s.application_name AS application,
         s.usesysid AS owner, s.datid,
         coalesce(s.client_hostname, pg_catalog.host(s.client_addr), CASE WHEN s.client_port = -1 THEN 'local' END)
             AS client,
         CASE WHEN s.backend_type = 'client backend' THEN s.state ELSE coalesce(s.backend_type, 'hidden') END AS state,
         pg_catalog.date_part('epoch', r.at - s.state_change) AS state_age,
         pg_catalog.date_part('epoch', r.at - coalesce(s.xact_start, s.backend_start)) AS xact_age,
         pg_catalog.substring(pg_catalog.textsend(s.query), 1, 200) AS query,
         s.query_start::text AS statement_start, s.xact_start::text AS transaction_start,
         s.backend_xid IS NOT NULL AS wrote,
         greatest(pg_catalog.age(s.backend_xid),
                  CASE WHEN s.backend_xmin = s.backend_xid OR s.backend_xmin NOT IN (SELECT x.xid FROM running x)
                       THEN pg_catalog.age(s.backend_xmin) END) AS xmin_age,
         NULL::integer AS catalog_xmin_age, NULL::boolean AS active, NULL::pg_lsn AS restart_lsn, s.client_port,
         pg_catalog.date_part('epoch', coalesce(s.xact_start, s.state_change, s.backend_start)) AS since
    FROM session s CROSS JOIN moment r
   WHERE (s.backend_xid IS NOT NULL OR s.backend_xmin IS NOT NULL OR s.left_open)
     AND s.pid <> pg_catalog.pg_backend_pid() AND s.pid <> ALL (r.exempt)
     -- The other connection of this console.
     AND NOT (s.application_name = (SELECT pg_catalog.current_setting('application_name'))
              AND pg_catalog.pg_get_userbyid(s.usesysid) = SESSION_USER
              AND s.client_addr IS NOT DISTINCT FROM pg_catalog.inet_client_addr())
  UNION ALL
  SELECT 'prepared', p.gid, NULL, NULL, NULL, p.ownerid, p.dbid, NULL, 'prepared',
         pg_catalog.date_part('epoch', r.at - p.prepared), pg_catalog.date_part('epoch', r.at - p.prepared), NULL, NULL,
         p.prepared::text, true, pg_catalog.age(p.transaction), NULL, NULL, NULL, NULL, NULL
    FROM prepared p CROSS JOIN moment r
  UNION ALL
  SELECT 'slot', s.slot_name::text, s.active_pid, NULL, NULL, NULL, s.datoid, NULL, s.wal_status,
         NULL, NULL, NULL, NULL, NULL, NULL,
         pg_catalog.age(s.xmin), pg_catalog.age(s.catalog_xmin), s.active, s.restart_lsn, NULL, NULL
    FROM slot s
   WHERE (s.xmin IS NOT NULL OR s.catalog_xmin IS NOT NULL) AND s.wal_status IS DISTINCT FROM 'lost'
), oldest AS MATERIALIZED (
  SELECT * FROM held h
   ORDER BY greatest(h.xmin_age, h.catalog_xmin_age, 0) DESC, h.xact_age DESC NULLS LAST LIMIT 50
)
SELECT h.kind, h.name, h.pid, h.backend_start, h.application, pg_catalog.pg_get_userbyid(h.owner)::text AS "user",
       h.client, d.datname::text AS database, h.state, h.state_age, h.xact_age, h.query, h.statement_start,
       h.transaction_start, h.wrote, h.xmin_age, h.catalog_xmin_age, h.active,
       h.restart_lsn::text AS restart_lsn, h.client_port, h.since, l.relations,
       d.datname = pg_catalog.current_database() AS here
  FROM oldest h
  LEFT JOIN pg_catalog.pg_database d ON d.oid = h.datid
  LEFT JOIN (SELECT x.pid, pg_catalog.array_agg(DISTINCT x.relation::regclass::text) AS relations
               FROM pg_catalog.pg_locks x
              WHERE (SELECT EXISTS (SELECT FROM oldest o WHERE o.state LIKE 'idle in transaction%%'))
                AND x.locktype = 'relation' AND x.granted AND x.relation >= 16384
                AND x.pid = ANY (ARRAY(SELECT o.pid FROM oldest o WHERE o.state LIKE 'idle in transaction%%'))
                AND x.database = (SELECT b.oid FROM pg_catalog.pg_database b
                                   WHERE b.datname = pg_catalog.current_database())
              GROUP BY x.pid) l ON l.pid = h.pid
