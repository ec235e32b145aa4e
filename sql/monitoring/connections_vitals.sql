-- The rows of connections and, in the row of the session that reads, the vital signs: one pass over all sessions.
WITH @activity@,
@vital_parts@,
vitals AS MATERIALIZED (
@vital_signs@
),
@waiters@
@session_columns@,
       CASE WHEN s.pid = pg_catalog.pg_backend_pid() THEN (SELECT v FROM vitals v) END AS vitals
@session_rows@
 WHERE s.pid = pg_catalog.pg_backend_pid()
    OR @other_sessions@
