-- The status of a transaction: committed, aborted, in progress, or null if it is too old.
SELECT pg_catalog.pg_xact_status(%(xid)s::xid8) AS fate
