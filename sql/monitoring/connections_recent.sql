-- As connections_vitals, but of sessions that have been idle for ten seconds no rows. The row of the session that reads
-- has the pids of all others and the moment, too: whoever knows the rows of before has those of all again.
WITH @activity@,
@vital_parts@,
vitals AS MATERIALIZED (
@vital_signs@
),
@waiters@
@recent_rows@
