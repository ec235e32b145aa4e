-- What one session runs, or ran last, as it is kept; and whose statement it is.
-- whole: yes
SELECT s.query AS query, pg_catalog.octet_length(pg_catalog.textsend(s.query)) AS bytes,
       pg_catalog.pg_size_bytes(pg_catalog.current_setting('track_activity_query_size')) AS cut,
       pg_catalog.pg_get_userbyid(s.usesysid)::text AS role,
       (SELECT d.datname::text FROM pg_catalog.pg_database d WHERE d.oid = s.datid) AS database,
       pg_catalog.current_database()::text AS here, s.query_id AS queryid, s.backend_type AS backend_type,
       NULL::double precision AS rows_a_call, NULL::bigint AS calls, NULL::double precision AS mean_ms
  FROM pg_catalog.pg_stat_get_activity(%(pid)s::integer) s
