-- As connections_recent, but without the locks: for while those who wait, and those they wait for, do what they did.
WITH @activity@,
@vital_parts@,
vitals AS MATERIALIZED (
@vital_signs@
),
waiter (pid, lock_id, bit, place, holders, held_modes) AS (
  SELECT NULL::integer, NULL::bigint, NULL::integer, NULL::bigint, NULL::integer[], NULL::integer[] WHERE false
)
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
