-- How far back dead tuples must stay visible, and to whom: a row for each kind of table.
-- A snapshot inherits the oldest transaction that runs in any database, which then is the one that is named. `position`
-- counts transaction ids; autovacuum serves a database that is near wraparound before all others.
WITH here AS MATERIALIZED (
  SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database()
), session AS MATERIALIZED (
  SELECT * FROM pg_catalog.pg_stat_get_activity(NULL)
), slot AS MATERIALIZED (
  SELECT * FROM pg_catalog.pg_get_replication_slots() l WHERE l.wal_status IS DISTINCT FROM 'lost'
), exempt AS MATERIALIZED (
  SELECT ARRAY(SELECT v.pid FROM pg_catalog.pg_stat_get_progress_info('VACUUM') v
               UNION ALL SELECT l.active_pid FROM slot l WHERE l.active_pid IS NOT NULL
               UNION ALL SELECT pg_catalog.pg_backend_pid()) AS pids
), held AS MATERIALIZED (
  SELECT CASE WHEN s.backend_type = 'walsender' THEN 'standby' ELSE 'pid' END AS kind, s.pid,
         s.application_name AS name, s.datid, s.xact_start AS began, pg_catalog.age(s.backend_xid) AS own_age,
         greatest(pg_catalog.age(s.backend_xid), pg_catalog.age(s.backend_xmin)) AS age,
         CASE WHEN s.datid = h.oid OR s.backend_type = 'walsender' THEN ARRAY['data', 'catalog', 'shared']
              ELSE ARRAY['shared'] END AS scopes
    FROM session s CROSS JOIN here h CROSS JOIN exempt e
   WHERE (s.backend_xid IS NOT NULL OR s.backend_xmin IS NOT NULL) AND s.pid <> ALL (e.pids)
     AND s.backend_type <> 'autovacuum launcher'
  UNION ALL
  SELECT 'prepared', NULL, t.gid, t.dbid, t.prepared, pg_catalog.age(t.transaction), pg_catalog.age(t.transaction),
         CASE WHEN t.dbid = h.oid THEN ARRAY['data', 'catalog', 'shared'] ELSE ARRAY['shared'] END
    FROM pg_catalog.pg_prepared_xact() t CROSS JOIN here h
  UNION ALL
  SELECT 'slot', NULL, l.slot_name::text, l.datoid, NULL, NULL, pg_catalog.age(l.xmin),
         ARRAY['data', 'catalog', 'shared']
    FROM slot l WHERE l.xmin IS NOT NULL
  UNION ALL
  SELECT 'slot', NULL, l.slot_name::text, l.datoid, NULL, NULL, pg_catalog.age(l.catalog_xmin),
         ARRAY['catalog', 'shared']
    FROM slot l WHERE l.catalog_xmin IS NOT NULL
), oldest AS MATERIALIZED (
  SELECT DISTINCT ON (c.scope) c.scope, h.age, h.began
    FROM held h CROSS JOIN LATERAL pg_catalog.unnest(h.scopes) c(scope)
   ORDER BY c.scope, h.age DESC, h.began
), setting AS MATERIALIZED (
  SELECT pg_catalog.date_part('epoch', pg_catalog.current_setting('autovacuum_naptime')::interval) AS naptime,
         pg_catalog.current_setting('autovacuum_freeze_max_age')::float8 AS xids,
         pg_catalog.current_setting('autovacuum_multixact_freeze_max_age')::float8 AS mxids,
         coalesce(pg_catalog.current_setting('vacuum_defer_cleanup_age', true), '0')::integer AS deferred
)
SELECT k.scope, pg_catalog.age('3'::pg_catalog.xid)::bigint AS position,
       CASE WHEN o.age IS NOT NULL OR s.deferred > 0 THEN coalesce(o.age, 0) + s.deferred END AS age,
       w.kind, w.pid, w.name, pg_catalog.date_part('epoch', pg_catalog.clock_timestamp() - w.began) AS since,
       (SELECT d.datname::text FROM pg_catalog.pg_database d CROSS JOIN here h
         WHERE d.oid = w.datid AND d.oid <> h.oid AND w.kind IN ('pid', 'prepared')) AS elsewhere,
       pg_catalog.pg_is_in_recovery() AS standby, s.naptime, r.datname::text AS goes_first
  FROM (VALUES ('data'), ('catalog'), ('shared')) k(scope)
 CROSS JOIN setting s
  LEFT JOIN oldest o ON o.scope = k.scope
  LEFT JOIN LATERAL (
       SELECT h.* FROM held h
        WHERE h.own_age = o.age OR (h.age = o.age AND h.scopes @> ARRAY[k.scope])
        ORDER BY h.own_age = o.age DESC NULLS LAST, h.began LIMIT 1) w ON true
  LEFT JOIN LATERAL (
       SELECT d.datname FROM pg_catalog.pg_database d CROSS JOIN here h
        WHERE d.oid <> h.oid
          AND (pg_catalog.age(d.datfrozenxid) > s.xids OR pg_catalog.mxid_age(d.datminmxid) > s.mxids)
        ORDER BY pg_catalog.age(d.datfrozenxid) DESC LIMIT 1) r ON true
