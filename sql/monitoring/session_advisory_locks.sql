-- Sessions that hold advisory locks, with their keys, without those of the console.
-- An idle session took them for the session, not for a transaction; pg_locks does not tell that, nor since when.
WITH lock AS MATERIALIZED (
  SELECT l.pid,
         CASE l.objsubid WHEN 1 THEN ((l.classid::bigint << 32) | l.objid::bigint)::text
              ELSE pg_catalog.format('(%%s, %%s)', l.classid::bigint::bit(32)::integer,
                                     l.objid::bigint::bit(32)::integer) END COLLATE pg_catalog."C" AS key
    FROM pg_catalog.pg_locks l
   WHERE l.locktype = 'advisory' AND l.granted AND l.pid IS NOT NULL
     AND NOT (l.objsubid = 2 AND l.classid = (pg_catalog.hashtext('pipeline-console')::bigint & 4294967295)::oid)
), held AS MATERIALIZED (
  SELECT l.pid, pg_catalog.array_agg(DISTINCT l.key ORDER BY l.key) AS keys FROM lock l GROUP BY l.pid
)
SELECT s.pid, s.backend_start::text AS backend_start, pg_catalog.pg_get_userbyid(s.usesysid)::text AS "user",
       s.application_name AS application,
       coalesce(s.client_hostname, pg_catalog.host(s.client_addr), CASE WHEN s.client_port = -1 THEN 'local' END)
           AS client,
       s.client_port, pg_catalog.date_part('epoch', coalesce(s.xact_start, s.state_change, s.backend_start)) AS since,
       d.datname::text AS database, pg_catalog.date_part('epoch', n.at - s.backend_start) AS session_age,
       pg_catalog.substring(pg_catalog.textsend(s.query), 1, 200) AS query,
       s.state = 'idle' AS idle, h.keys[1:100] AS keys
  FROM held h
 CROSS JOIN (SELECT pg_catalog.clock_timestamp() AS at) n
 CROSS JOIN LATERAL pg_catalog.pg_stat_get_activity(h.pid) s
  LEFT JOIN pg_catalog.pg_database d ON d.oid = s.datid
 WHERE s.state IS NOT NULL AND s.application_name NOT IN ('pipeline-console', 'pipeline-console act')
 ORDER BY s.state = 'idle' DESC, h.pid
 LIMIT 200
