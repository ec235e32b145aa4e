-- Every session and prepared transaction that waits for a lock or is in somebody's way.
-- pg_locks is read only when somebody waits (or when this role cannot see who does).
WITH session AS MATERIALIZED (
  SELECT * FROM pg_catalog.pg_stat_get_activity(NULL)
), lock AS MATERIALIZED (
  SELECT l.pid, l.virtualtransaction, l.mode, l.granted, l.waitstart, l.locktype, l.database, l.relation, l.page,
         l.tuple,
         l.virtualxid, l.transactionid, l.classid, l.objid,
         pg_catalog.concat_ws(' ', l.locktype, l.database, l.relation, '/', l.page, l.tuple, l.virtualxid,
             l.transactionid,
                              '/', l.classid, l.objid, l.objsubid) AS tag
    FROM pg_catalog.pg_locks l
   WHERE (SELECT EXISTS (SELECT FROM session s WHERE s.wait_event_type = 'Lock' OR s.backend_type IS NULL))
), waited AS MATERIALIZED (
  SELECT tag, pg_catalog.min(
         CASE WHEN relation IS NOT NULL AND database IN (0, (SELECT d.oid FROM pg_catalog.pg_database d
                                                             WHERE d.datname = pg_catalog.current_database()))
              THEN relation::regclass::text
              WHEN relation IS NOT NULL THEN 'relation ' || relation || ' of database ' || database
              WHEN transactionid IS NOT NULL THEN 'transaction ' || transactionid::text
              WHEN virtualxid IS NOT NULL THEN 'virtual transaction ' || virtualxid
              ELSE locktype || coalesce(' ' || classid, '') || coalesce(' ' || objid, '') END
         || CASE WHEN locktype = 'tuple' THEN ' row (' || page || ',' || tuple || ')'
                 WHEN locktype IN ('extend', 'page') THEN ' ' || locktype ELSE '' END) AS object
    FROM lock WHERE NOT granted GROUP BY tag
), part AS MATERIALIZED (
  SELECT l.pid, l.virtualtransaction, l.granted, l.waitstart, l.tag,
         CASE WHEN l.transactionid IS NOT NULL THEN w.object
              ELSE w.object || ' ' || pg_catalog.regexp_replace(l.mode, 'Lock$', '') END AS what
    FROM lock l JOIN waited w ON w.tag = l.tag
), row_wanted AS (
  -- Who waits for another transaction because of a row holds that row's own lock meanwhile.
  SELECT pid, pg_catalog.min(CASE
         WHEN database = (SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database())
         THEN relation::regclass::text ELSE 'relation ' || relation END
         || ' row (' || page || ',' || tuple || ')') AS what
    FROM lock WHERE locktype = 'tuple' AND granted GROUP BY pid
), waiter AS MATERIALIZED (
  SELECT pid, pg_catalog.pg_blocking_pids(pid) AS blocked_by, pg_catalog.min(waitstart) AS waitstart,
         (SELECT r.what FROM row_wanted r WHERE r.pid = part.pid) AS wanted_row,
         pg_catalog.string_agg(what, ', ') AS wants
    FROM part WHERE NOT granted GROUP BY pid
), involved AS (
  SELECT pid FROM waiter UNION SELECT pg_catalog.unnest(blocked_by) FROM waiter
), prepared AS (
  SELECT p.gid, p.prepared, p.ownerid, p.dbid, pg_catalog.string_agg(DISTINCT h.what, ', ') AS holds,
         pg_catalog.array_agg(DISTINCT w.pid) AS in_the_way_of
    FROM pg_catalog.pg_prepared_xact() p
    JOIN lock x ON x.pid IS NULL AND x.transactionid = p.transaction AND x.granted
    JOIN part h ON h.pid IS NULL AND h.virtualtransaction = x.virtualtransaction AND h.granted
    JOIN part b ON b.tag = h.tag AND NOT b.granted
    JOIN waiter w ON w.pid = b.pid AND 0 = ANY (w.blocked_by)
   GROUP BY p.gid, p.prepared, p.ownerid, p.dbid
)
SELECT i.pid, NULL::text AS gid, w.blocked_by, NULL::integer[] AS in_the_way_of,
       pg_catalog.date_part('epoch', pg_catalog.clock_timestamp() - w.waitstart) AS wait_age,
       pg_catalog.date_part('epoch', pg_catalog.clock_timestamp() - s.xact_start) AS xact_age,
       CASE WHEN s.backend_type = 'client backend' THEN s.state ELSE coalesce(s.backend_type, 'hidden') END AS state,
       w.wanted_row, w.wants,
       (SELECT pg_catalog.string_agg(DISTINCT h.what, ', ') FROM part h WHERE h.pid = i.pid AND h.granted) AS holds,
       pg_catalog.pg_get_userbyid(s.usesysid)::text AS "user", s.application_name AS application,
       coalesce(s.client_hostname, pg_catalog.host(s.client_addr), CASE WHEN s.client_port = -1 THEN 'local' END)
           AS client,
       d.datname::text AS database,
       pg_catalog.substring(pg_catalog.textsend(s.query), 1, 300) AS query, s.backend_start
  FROM involved i
  JOIN session s ON s.pid = i.pid
  LEFT JOIN waiter w ON w.pid = i.pid
  LEFT JOIN pg_catalog.pg_database d ON d.oid = s.datid
UNION ALL
SELECT 0, p.gid, NULL, p.in_the_way_of, NULL,
       pg_catalog.date_part('epoch', pg_catalog.clock_timestamp() - p.prepared), 'prepared', NULL, NULL, p.holds,
       pg_catalog.pg_get_userbyid(p.ownerid)::text, NULL, NULL, d.datname::text,
       pg_catalog.textsend('PREPARE TRANSACTION ' || pg_catalog.quote_literal(p.gid)), NULL
  FROM prepared p LEFT JOIN pg_catalog.pg_database d ON d.oid = p.dbid
