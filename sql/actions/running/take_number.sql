-- Takes the advisory lock of a number that other programs use too; whether it was free.
SELECT pg_catalog.pg_try_advisory_lock(%(number)s::bigint) AS taken
