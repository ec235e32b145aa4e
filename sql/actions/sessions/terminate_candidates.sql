-- Sessions to cancel or terminate: by pid, or by time idle, application and role; and why one may not be.
--
-- The parameter `idle_since` is a moment: who is idle since then or earlier, outside a transaction, become only fewer.
-- `refused` is the reason. Sessions found by idle time that may not be terminated are reported too. `gone`: the session
-- that was seen has ended, or the statement or transaction that was seen of it, or it is not idle any more.
WITH me AS MATERIALIZED (
  SELECT r.oid, r.rolsuper AS super, pg_catalog.pg_has_role('pg_signal_backend', 'USAGE') AS signals,
         pg_catalog.to_regrole('pg_signal_autovacuum_worker') AS signals_autovacuum
    FROM pg_catalog.pg_roles r WHERE r.rolname = CURRENT_USER
), session AS MATERIALIZED (
  SELECT s.*, pg_catalog.pg_get_userbyid(s.usesysid)::text AS "user", coalesce(o.rolsuper, false) AS of_superuser,
         s.pid = pg_catalog.pg_backend_pid()
         OR pg_catalog.starts_with(s.application_name, pg_catalog.current_setting('application_name'))
            AND pg_catalog.pg_get_userbyid(s.usesysid) = SESSION_USER
            AND s.client_addr IS NOT DISTINCT FROM pg_catalog.inet_client_addr() AS own
    FROM pg_catalog.pg_stat_get_activity(NULL) s
    LEFT JOIN pg_catalog.pg_roles o ON o.oid = s.usesysid
), asked AS MATERIALIZED (
  SELECT w.pid AS asked_pid, w.started, w.statement, w.transaction, w.idle, s.*
    FROM ROWS FROM (pg_catalog.unnest(%(pids)s::int[]), pg_catalog.unnest(%(started)s::timestamptz[]),
                    pg_catalog.unnest(%(statements)s::timestamptz[]),
                    pg_catalog.unnest(%(transactions)s::timestamptz[]), pg_catalog.unnest(%(idles)s::timestamptz[]))
         w(pid, started, statement, transaction, idle)
    LEFT JOIN session s ON s.pid = w.pid
  UNION ALL
  SELECT s.pid, NULL, NULL, NULL, s.state_change, s.* FROM session s
   WHERE s.backend_type = 'client backend'
     AND (s.state IN ('idle in transaction', 'idle in transaction (aborted)')
          AND s.state_change < pg_catalog.clock_timestamp() - %(idle)s::interval
          OR s.state LIKE 'idle%%' AND s.state_change < pg_catalog.clock_timestamp() - %(idle_for)s::interval
          OR s.state = 'idle' AND s.state_change <= %(idle_since)s::timestamptz)
     AND (%(application)s::text IS NULL OR s.application_name = %(application)s)
     AND (%(user)s::text IS NULL OR s."user" = %(user)s)
)
SELECT a.asked_pid AS pid, a."user", d.datname::text AS database, a.application_name AS application,
       CASE WHEN a.client_addr IS NOT NULL THEN pg_catalog.concat_ws(':', pg_catalog.host(a.client_addr), a.client_port)
            WHEN a.client_port = -1 THEN 'local socket' END AS client,
       coalesce(a.state, a.backend_type) AS state,
       pg_catalog.date_part('epoch', pg_catalog.clock_timestamp() - a.state_change) AS state_age,
       pg_catalog.date_part('epoch', pg_catalog.clock_timestamp() - a.xact_start) AS transaction_age,
       pg_catalog.date_part('epoch', pg_catalog.clock_timestamp() - a.backend_start) AS connection_age,
       pg_catalog.textsend(a.query) AS query,
       a.backend_start::text AS backend_start, a.query_start::text AS query_start,
       CASE WHEN a.idle IS NOT NULL THEN a.state_change::text END AS idle_since,
       CASE WHEN a.transaction IS NOT NULL THEN a.xact_start::text END AS xact_start,
       v.refused, CASE WHEN v.refused IS NOT NULL THEN v.remedy END AS remedy,
       v.refused IS NOT NULL AND coalesce(a.pid IS NULL AND a.started IS NOT NULL OR a.backend_start <> a.started
                                          OR e.what IS NOT NULL, false) AS gone
  FROM asked a
  LEFT JOIN pg_catalog.pg_database d ON d.oid = a.datid
 CROSS JOIN me
 CROSS JOIN LATERAL (
       SELECT CASE
         WHEN coalesce(a.xact_start = a.transaction, false) THEN NULL
         WHEN a.statement IS NOT NULL AND NOT coalesce(a.query_start = a.statement
                                                         AND a.state IN ('active', 'fastpath function call'), false)
              THEN 'statement'
         WHEN a.statement IS NULL AND a.transaction IS NOT NULL THEN 'transaction'
         WHEN a.state_change <> a.idle THEN 'idle' END AS what) e
 CROSS JOIN LATERAL (
       SELECT CASE
         WHEN a.asked_pid = 0 THEN 'Pid 0 stands for a prepared transaction, which has no session.'
         WHEN a.pid IS NULL THEN 'There is no session with pid ' || a.asked_pid || '.'
         WHEN a.own THEN 'Pid ' || a.pid || ' is a session of this console.'
         WHEN NOT me.super AND a.of_superuser
              THEN 'Pid ' || a.pid || ' is a session of ' || a."user"
                  || ', a superuser: only a superuser may signal it.'
         WHEN a.usesysid IS NOT NULL AND NOT (me.super OR me.signals OR pg_catalog.pg_has_role(a.usesysid, 'USAGE'))
              THEN 'Pid ' || a.pid || ' is a session of ' || a."user" || ', which this role may not signal.'
         WHEN a.backend_start IS NULL THEN 'Pid ' || a.pid
             || ' cannot be distinguished from a later session with the same pid by this role.'
         WHEN a.backend_start <> a.started THEN 'Pid ' || a.pid
             || ' now belongs to another session; the selected session has ended.'
         WHEN e.what = 'idle'
              THEN 'Pid ' || a.pid || ' has run a statement since it was seen idle; nothing was terminated.'
         WHEN e.what IS NOT NULL
              THEN 'The ' || e.what || ' that was seen of pid ' || a.pid || ' has ended; nothing was '
                  || CASE WHEN %(cancel)s THEN 'cancelled.' ELSE 'terminated.' END
         WHEN a.backend_type = 'walsender' THEN 'Pid ' || a.pid || ' sends WAL to '
             || coalesce(nullif(a.application_name, ''), 'a standby')
              || ': it is a replication connection.'
         WHEN a.backend_type = 'autovacuum worker' AND pg_catalog.strpos(a.query, '(to prevent wraparound)') > 0
              THEN 'Pid ' || a.pid || ' is an autovacuum to prevent wraparound; it would only restart.'
         WHEN a.backend_type = 'autovacuum worker' AND NOT me.super
              AND NOT coalesce(pg_catalog.pg_has_role(me.signals_autovacuum, 'USAGE'), false)
              THEN 'Pid ' || a.pid || ' is an autovacuum worker, which this role may not signal.'
         WHEN a.backend_type = 'parallel worker' THEN 'Pid ' || a.pid || ' is a parallel worker of pid '
             || coalesce(a.leader_pid::text, '?') || '.'
         WHEN a.backend_type NOT IN ('client backend', 'autovacuum worker')
              THEN 'Pid ' || a.pid || ' is a server process (' || a.backend_type || ').'
         WHEN %(cancel)s AND a.state IN ('idle', 'idle in transaction', 'idle in transaction (aborted)')
              THEN 'Pid ' || a.pid || ' is not running a statement (' || a.state || '): a cancel would have no effect.'
         WHEN %(cancel)s AND a.query_start IS NULL
              THEN 'Pid ' || a.pid || ' does not report which statement it runs (' || coalesce(a.state, '?') || ').'
         END AS refused,
         CASE
         WHEN a.asked_pid = 0 THEN 'rollback-prepared ends it (ROLLBACK PREPARED); its name is in the locks pane.'
         WHEN a.pid IS NULL OR a.own OR NOT me.super AND a.of_superuser THEN ''
         WHEN a.usesysid IS NOT NULL AND NOT (me.super OR me.signals OR pg_catalog.pg_has_role(a.usesysid, 'USAGE'))
              THEN 'GRANT pg_signal_backend TO ' || pg_catalog.quote_ident(CURRENT_USER) || ';'
         WHEN a.backend_start IS NULL THEN 'GRANT pg_read_all_stats TO ' || pg_catalog.quote_ident(CURRENT_USER) || ';'
         WHEN a.backend_start <> a.started THEN ''
         WHEN e.what IS NOT NULL AND NOT %(cancel)s
              THEN 'Look at what it does now. Without '
                  || CASE e.what WHEN 'idle' THEN 'idle-since' ELSE 'a transaction' END
                  || ', terminate-backend ends whatever the session does.'
         WHEN e.what IS NOT NULL THEN ''
         WHEN a.backend_type = 'autovacuum worker' AND NOT me.super
             AND pg_catalog.strpos(a.query, '(to prevent wraparound)') = 0
              THEN CASE WHEN me.signals_autovacuum IS NULL THEN 'Only a superuser may.'
                        ELSE 'GRANT pg_signal_autovacuum_worker TO ' || pg_catalog.quote_ident(CURRENT_USER) || ';' END
         WHEN a.backend_type = 'parallel worker' THEN 'Cancel or terminate the leader instead.'
         WHEN %(cancel)s AND a.backend_type = 'client backend' AND a.state <> 'active'
             AND a.backend_start = coalesce(a.started, a.backend_start)
              THEN 'terminate-backend ends the session and rolls its transaction back.'
         ELSE '' END AS remedy) v
 ORDER BY state_age DESC NULLS LAST, pid
