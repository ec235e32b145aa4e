-- Sessions of all databases with their ages, waits and who blocks them.
-- Texts are cut as bytes, because those of a database in another encoding are not valid here, and left() would refuse
-- them.
-- The first in the queue of each lock carries the lock's holders (0: a prepared transaction) and their modes (bits,
-- ACCESS SHARE is 1): with them and the places in the queues the console works out who blocks whom, as
-- pg_blocking_pids() does, which would stop the lock manager once for each session. pg_locks is read only when
-- somebody waits.
WITH @activity@,
@waiters@,
running (xid) AS MATERIALIZED (
  SELECT o.backend_xid FROM activity o WHERE o.backend_xid IS NOT NULL
  UNION ALL SELECT p.transaction FROM pg_catalog.pg_prepared_xact() p
)
@session_columns@
@session_rows@
 WHERE @other_sessions@
