-- Vital signs in one row: sessions, oldest transactions, what holds back VACUUM, totals of all databases, replication.
-- A snapshot inherits the oldest transaction id that still runs in any database: whose xmin is the id of another's
-- transaction is not what holds back VACUUM. The snapshot of a running VACUUM holds back no other one.
WITH @activity@,
@vital_parts@
@vital_signs@
