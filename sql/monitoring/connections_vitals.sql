-- The rows of connections and, in the row of the session that reads, the vital signs: one pass over all sessions.
WITH @activity@,
vitals AS MATERIALIZED (
WITH @vital_signs@
),
@session_columns@,
       CASE WHEN s.pid = pg_catalog.pg_backend_pid() THEN (SELECT v FROM vitals v) END AS vitals
@session_rows@
 WHERE s.pid = pg_catalog.pg_backend_pid()
    OR @other_sessions@
