@session_columns@,
       CASE WHEN s.pid = pg_catalog.pg_backend_pid() THEN ARRAY(
         SELECT s.pid FROM activity s
          WHERE @other_sessions@
       ) END AS pids,
       CASE WHEN s.pid = pg_catalog.pg_backend_pid() THEN pg_catalog.date_part('epoch', n.at) END AS at,
       CASE WHEN s.pid = pg_catalog.pg_backend_pid() THEN (SELECT v FROM vitals v) END AS vitals
@session_rows@
 WHERE s.pid = pg_catalog.pg_backend_pid()
    OR NOT coalesce(s.state = 'idle' AND s.state_change < n.at - '10 s'::interval AND s.backend_type = 'client backend'
                    AND s.backend_xid IS NULL AND s.backend_xmin IS NULL, false)
   AND @other_sessions@
