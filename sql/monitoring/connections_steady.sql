-- As connections_recent, but without the locks: for while those who wait, and those they wait for, do what they did.
WITH @activity@,
@vital_parts@,
vitals AS MATERIALIZED (
@vital_signs@
),
waiter (pid, lock_id, bit, place, holders, held_modes) AS (
  SELECT NULL::integer, NULL::bigint, NULL::integer, NULL::bigint, NULL::integer[], NULL::integer[] WHERE false
)
@recent_rows@
