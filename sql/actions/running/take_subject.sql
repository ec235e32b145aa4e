-- Takes the advisory lock of a subject; whether it was free.
SELECT pg_catalog.pg_try_advisory_lock(pg_catalog.hashtext('pipeline-console'), pg_catalog.hashtext(%(subject)s))
       AS taken
