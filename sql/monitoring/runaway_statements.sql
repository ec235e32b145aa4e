-- Statements of clients that have run for a while or hold temporary files: age, live temporary files, parallel workers.
-- right: EXECUTE ON FUNCTION pg_catalog.pg_ls_tmpdir()
-- Maintenance, COPY and base backups report their progress and are left out. Files of all tablespaces but the default
-- one cannot be listed. Of few sessions in a transaction each is looked up: all of the others would cost more.
WITH session AS MATERIALIZED (
  SELECT a.*
    FROM (SELECT CASE WHEN pg_catalog.count(*) FILTER (WHERE b.works) <= 50
                      THEN pg_catalog.array_agg(b.pid) FILTER (WHERE b.works) ELSE ARRAY[NULL::integer] END AS pids
            FROM (SELECT pg_catalog.pg_stat_get_backend_pid(i.id) AS pid,
                         pg_catalog.pg_stat_get_backend_xact_start(i.id) IS NOT NULL AS works
                    FROM pg_catalog.pg_stat_get_backend_idset() i(id)) b) q
   CROSS JOIN LATERAL pg_catalog.unnest(q.pids) w(pid)
   CROSS JOIN LATERAL pg_catalog.pg_stat_get_activity(w.pid) a
), file AS MATERIALIZED (
  SELECT (pg_catalog.regexp_match(f.name, '^pgsql_tmp(\d+)\.'))[1]::integer AS pid,
         pg_catalog.sum(f.size)::bigint AS bytes
    FROM pg_catalog.pg_ls_tmpdir() f
   GROUP BY 1
), worker AS MATERIALIZED (
  SELECT x.leader_pid, pg_catalog.count(*) AS workers FROM session x WHERE x.leader_pid IS NOT NULL GROUP BY 1
), busy AS MATERIALIZED (
  SELECT p.pid FROM pg_catalog.pg_stat_get_progress_info('VACUUM') p
   UNION ALL SELECT p.pid FROM pg_catalog.pg_stat_get_progress_info('ANALYZE') p
   UNION ALL SELECT p.pid FROM pg_catalog.pg_stat_get_progress_info('CREATE INDEX') p
   UNION ALL SELECT p.pid FROM pg_catalog.pg_stat_get_progress_info('CLUSTER') p  -- before 19
   UNION ALL SELECT p.pid FROM pg_catalog.pg_stat_get_progress_info('REPACK') p  -- since 19
   UNION ALL SELECT p.pid FROM pg_catalog.pg_stat_get_progress_info('COPY') p
)
SELECT s.pid, s.backend_start::text AS backend_start, s.application_name AS application,
       pg_catalog.pg_get_userbyid(s.usesysid)::text AS "user",
       coalesce(s.client_hostname, pg_catalog.host(s.client_addr), CASE WHEN s.client_port = -1 THEN 'local' END)
           AS client,
       (SELECT d.datname::text FROM pg_catalog.pg_database d WHERE d.oid = s.datid) AS database,
       pg_catalog.date_part('epoch', pg_catalog.clock_timestamp() - s.query_start) AS age,
       coalesce(t.bytes, 0) AS temp_bytes, coalesce(w.workers, 0) AS workers, s.wait_event_type,
       pg_catalog.substring(pg_catalog.textsend(s.query), 1, 200) AS query, s.client_port,
       s.query_start::text AS statement_start,
       pg_catalog.date_part('epoch', coalesce(s.xact_start, s.state_change, s.backend_start)) AS since
  FROM session s
  LEFT JOIN worker w ON w.leader_pid = s.pid
  LEFT JOIN LATERAL (
       SELECT pg_catalog.sum(f.bytes)::bigint AS bytes FROM file f
        WHERE f.pid = s.pid OR f.pid IN (SELECT x.pid FROM session x WHERE x.leader_pid = s.pid)) t ON true
 WHERE s.backend_type = 'client backend' AND s.state = 'active' AND s.pid <> pg_catalog.pg_backend_pid()
   AND s.wait_event_type IS DISTINCT FROM 'Lock'
   AND s.pid NOT IN (SELECT b.pid FROM busy b)
 ORDER BY t.bytes DESC NULLS LAST, s.query_start
 LIMIT 50
