SELECT s.pid,
       CASE WHEN s.backend_type = 'client backend' THEN s.state
            ELSE coalesce(s.backend_type, 'hidden') END AS state,
       pg_catalog.date_part('epoch', n.at - CASE WHEN s.state = 'active' THEN s.query_start
                                                 ELSE coalesce(s.state_change, s.backend_start) END) AS age,
       CASE WHEN s.backend_type <> 'autovacuum worker' THEN pg_catalog.date_part('epoch', n.at - s.xact_start) END
           AS xact_age,
       CASE WHEN s.state = 'active' OR s.state IS NULL THEN s.wait_event_type || ':' || s.wait_event END AS wait,
       w.lock_id, w.place, w.bit AS wanted_mode, w.holders, w.held_modes,
       pg_catalog.pg_get_userbyid(s.usesysid)::text AS "user",
       s.application_name AS application,
       coalesce(s.client_hostname, pg_catalog.host(s.client_addr), CASE WHEN s.client_port = -1 THEN 'local' END)
           AS client,
       d.datname::text AS database,
       pg_catalog.substring(pg_catalog.textsend(s.query), 1, 300) AS query,
       s.backend_start,
       -- A snapshot whose xmin is the id of another's running transaction only inherits its age.
       greatest(pg_catalog.age(s.backend_xid),
                CASE WHEN s.backend_xmin = s.backend_xid OR s.backend_xmin NOT IN (SELECT r.xid FROM running r)
                     THEN pg_catalog.age(s.backend_xmin) END) AS xmin_age,
       s.query_id, s.leader_pid, s.client_port, s.query_start::text AS statement_start,
       -- A session that shows a shorter one runs many: whoever ends it means the session.
       CASE WHEN s.xact_start < n.at - '1 s'::interval THEN s.xact_start::text END AS transaction_start,
       CASE WHEN s.state = 'idle' AND s.state_change < n.at - '1 s'::interval THEN s.state_change::text END
           AS idle_since,
       pg_catalog.date_part('epoch', coalesce(s.xact_start, s.state_change, s.backend_start)) AS since
