-- Sessions of a Citus cluster to cancel or terminate, by global pid; and why one may not be.
-- extension: citus
--
-- Only nodes that answer within 3 s report sessions. `refused` is the reason; `gone`: what was seen has ended.
WITH bounded AS MATERIALIZED (
  SELECT pg_catalog.set_config('citus.node_connection_timeout', '3000', true) AS timeout
), me AS MATERIALIZED (
  SELECT r.rolsuper AS super, pg_catalog.pg_has_role('pg_signal_backend', 'USAGE') AS signals
    FROM pg_catalog.pg_roles r WHERE r.rolname = CURRENT_USER
), session AS MATERIALIZED (
  SELECT a.*, coalesce(o.rolsuper, false) AS of_superuser,
         pg_catalog.starts_with(a.application_name, pg_catalog.current_setting('application_name'))
         AND a.usename = SESSION_USER AND a.client_addr IS NOT DISTINCT FROM pg_catalog.inet_client_addr() AS own
    FROM bounded b
   CROSS JOIN LATERAL pg_catalog.citus_stat_activity() a
    LEFT JOIN pg_catalog.pg_roles o ON o.rolname = a.usename
   WHERE b.timeout IS NOT NULL AND a.is_worker_query IS NOT TRUE
), asked AS MATERIALIZED (
  SELECT w.gpid, w.started, w.statement, w.transaction, w.idle, s.*
    FROM ROWS FROM (pg_catalog.unnest(%(gpids)s::bigint[]), pg_catalog.unnest(%(started)s::timestamptz[]),
                    pg_catalog.unnest(%(statements)s::timestamptz[]),
                    pg_catalog.unnest(%(transactions)s::timestamptz[]), pg_catalog.unnest(%(idles)s::timestamptz[]))
         w(gpid, started, statement, transaction, idle)
    LEFT JOIN session s ON s.global_pid = w.gpid
)
SELECT a.gpid AS pid, coalesce(n.nodename || ':' || n.nodeport, 'this node') AS node, a.usename::text AS "user",
       a.datname::text AS database, a.application_name AS application, pg_catalog.host(a.client_addr) AS client,
       coalesce(a.state, a.backend_type) AS state,
       pg_catalog.date_part('epoch', pg_catalog.clock_timestamp() - a.state_change) AS state_age,
       pg_catalog.date_part('epoch', pg_catalog.clock_timestamp() - a.xact_start) AS transaction_age,
       pg_catalog.textsend(a.query) AS query,
       a.backend_start::text AS backend_start, a.query_start::text AS query_start,
       CASE WHEN a.idle IS NOT NULL THEN a.state_change::text END AS idle_since,
       CASE WHEN a.transaction IS NOT NULL THEN a.xact_start::text END AS xact_start,
       v.refused, CASE WHEN v.refused IS NOT NULL THEN v.remedy END AS remedy,
       v.refused IS NOT NULL AND coalesce(a.global_pid IS NULL AND a.started IS NOT NULL OR a.backend_start <> a.started
                                          OR e.what IS NOT NULL, false) AS gone
  FROM asked a
  LEFT JOIN pg_catalog.pg_dist_node n ON n.nodeid = a.nodeid
 CROSS JOIN me
 CROSS JOIN LATERAL (
       SELECT CASE
         WHEN coalesce(a.xact_start = a.transaction, false) THEN NULL
         WHEN a.statement IS NOT NULL AND NOT coalesce(a.query_start = a.statement AND a.state = 'active', false)
              THEN 'statement'
         WHEN a.statement IS NULL AND a.transaction IS NOT NULL THEN 'transaction'
         WHEN a.state_change <> a.idle THEN 'idle' END AS what) e
 CROSS JOIN LATERAL (
       SELECT CASE
         WHEN a.global_pid IS NULL THEN 'No node that answers has a session with global pid ' || a.gpid || '.'
         WHEN a.own THEN 'Global pid ' || a.gpid || ' is a session of this console.'
         WHEN NOT me.super AND a.of_superuser
              THEN 'Global pid ' || a.gpid || ' is a session of ' || a.usename
                   || ', a superuser: only a superuser may signal it.'
         WHEN NOT (me.super OR me.signals OR coalesce(pg_catalog.pg_has_role(a.usename, 'USAGE'), false))
              THEN 'Global pid ' || a.gpid || ' is a session of ' || coalesce(a.usename::text, '?')
                   || ', which this role may not signal.'
         WHEN a.backend_start IS NULL
              THEN 'Global pid ' || a.gpid || ' cannot be distinguished from a later session by this role.'
         WHEN a.backend_start <> a.started
              THEN 'Global pid ' || a.gpid || ' now belongs to another session; the selected session has ended.'
         WHEN e.what = 'idle'
              THEN 'Global pid ' || a.gpid || ' has run a statement since it was seen idle; nothing was terminated.'
         WHEN e.what IS NOT NULL
              THEN 'The ' || e.what || ' that was seen of global pid ' || a.gpid || ' has ended; nothing was '
                  || CASE WHEN %(cancel)s THEN 'cancelled.' ELSE 'terminated.' END
         WHEN a.backend_type <> 'client backend'
              THEN 'Global pid ' || a.gpid || ' is a server process (' || a.backend_type || ').'
         WHEN %(cancel)s AND a.state LIKE 'idle%%'
              THEN 'Global pid ' || a.gpid || ' is not running a statement (' || a.state
                   || '): a cancel would have no effect.'
         END AS refused,
         CASE
         WHEN a.global_pid IS NULL OR a.own OR NOT me.super AND a.of_superuser THEN ''
         WHEN NOT (me.super OR me.signals OR coalesce(pg_catalog.pg_has_role(a.usename, 'USAGE'), false))
              THEN 'GRANT pg_signal_backend TO ' || pg_catalog.quote_ident(CURRENT_USER) || ';'
         WHEN a.backend_start IS NULL THEN 'GRANT pg_read_all_stats TO ' || pg_catalog.quote_ident(CURRENT_USER) || ';'
         WHEN a.backend_start <> a.started OR e.what IS NOT NULL THEN ''
         WHEN %(cancel)s AND a.state LIKE 'idle%%'
              THEN 'terminate-backend ends the session and rolls its transaction back.'
         ELSE '' END AS remedy) v
 ORDER BY state_age DESC NULLS LAST, pid
