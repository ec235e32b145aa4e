-- The 500 largest indexes and every invalid one: size as of the last VACUUM or ANALYZE, scans since the last reset.
-- Indexes of system catalogs, and of extensions in their schema, are left out. `changes` grows with every change of an
-- index, constraint or partition of this database: verdicts are then read again.
WITH every AS MATERIALIZED (
  SELECT c.oid, c.relpages FROM pg_catalog.pg_class c
   WHERE c.relkind = 'i' AND c.oid >= 16384 AND c.relnamespace <> 11
), chosen AS MATERIALIZED (
  (SELECT e.oid FROM every e ORDER BY e.relpages DESC, e.oid LIMIT 500)
  UNION
  SELECT i.indexrelid FROM pg_catalog.pg_index i
   WHERE i.indexrelid >= 16384 AND NOT (i.indisvalid AND i.indisready AND i.indislive)
), now AS MATERIALIZED (
  SELECT pg_catalog.now() AS now, pg_catalog.current_setting('block_size')::bigint AS block,
         -- A database that was never reset: since the server began to count, after a crash at the latest.
         coalesce(pg_catalog.pg_stat_get_db_stat_reset_time(d.oid), pg_catalog.pg_stat_get_bgwriter_stat_reset_time())
             AS counted_since,
         (SELECT pg_catalog.count(*) FROM every e) AS total,
         (SELECT pg_catalog.count(*) FROM pg_catalog.pg_stat_get_wal_senders() w
           WHERE w.state IS DISTINCT FROM 'backup') AS standbys,
         (SELECT pg_catalog.string_agg(coalesce(nullif(a.application_name, ''), pg_catalog.host(a.client_addr),
                                                a.pid::text), ', ' ORDER BY a.pid)
            FROM pg_catalog.pg_stat_get_activity(NULL) a
            JOIN pg_catalog.pg_stat_get_wal_senders() w ON w.pid = a.pid
           WHERE w.state IS DISTINCT FROM 'backup') AS standby_names,
         pg_catalog.pg_is_in_recovery() AS is_standby,
         -- pg_constraint, pg_depend, pg_index, pg_inherits
         (SELECT pg_catalog.sum(pg_catalog.pg_stat_get_tuples_inserted(x.oid)
                                + pg_catalog.pg_stat_get_tuples_updated(x.oid)
                                + pg_catalog.pg_stat_get_tuples_deleted(x.oid))::bigint
            FROM (VALUES (2606::oid), (2608), (2610), (2611)) x(oid)) AS changes
    FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database()
)
SELECT c.oid::bigint AS oid, n.nspname || '.' || c.relname AS "index",
       c.relpages * w.block AS estimated_size, c.reltuples::float8 AS reltuples,
       pg_catalog.pg_stat_get_numscans(c.oid) AS scans, pg_catalog.pg_stat_get_tuples_returned(c.oid) AS rows_read,
       NULL::float8 AS last_use_age,  -- before 16
       pg_catalog.date_part('epoch', w.now - pg_catalog.pg_stat_get_lastscan(c.oid)) AS last_use_age,  -- since 16
       pg_catalog.date_part('epoch', w.now - w.counted_since) AS counted_for,  -- before 19
       pg_catalog.date_part(  -- since 19
         'epoch', w.now - coalesce(  -- since 19
           pg_catalog.pg_stat_get_stat_reset_time(c.oid), w.counted_since)) AS counted_for,  -- since 19
       w.standbys, w.standby_names, w.is_standby, w.changes, w.total
  FROM chosen k
 CROSS JOIN now w
 CROSS JOIN LATERAL (
       SELECT r.oid, r.relname, r.relnamespace, r.relpages, r.reltuples
         FROM pg_catalog.pg_class r
        WHERE r.oid = k.oid AND r.relkind = 'i' AND r.relnamespace <> 11 OFFSET 0) c
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
