-- Where the WAL ends, what content_requests takes with its indexes and TOAST, its dead tuples, and the server's time.
SELECT pg_catalog.pg_wal_lsn_diff(pg_catalog.pg_current_wal_lsn(), '0/0')::bigint AS wal,
       pg_catalog.pg_total_relation_size('public.content_requests')::bigint AS size,
       pg_catalog.pg_stat_get_dead_tuples('public.content_requests'::pg_catalog.regclass) AS dead,
       pg_catalog.clock_timestamp() AS at
