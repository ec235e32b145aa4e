-- What became of a transaction: committed, aborted, in progress, or null when the server knows no more.
SELECT pg_catalog.pg_xact_status(%(xid)s::xid8) AS fate
