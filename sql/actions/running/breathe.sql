-- Seconds to pause between two batches: longer while a standby lags or a session waits for the acting session.
--
-- Else a twentieth of the seconds that the last batch `took`, at most 10 ms, of which `looking` again before the next
-- takes its part. The time of this query counts as well.
SELECT CASE WHEN coalesce((SELECT pg_catalog.max(pg_catalog.pg_wal_lsn_diff(pg_catalog.pg_current_wal_lsn(),
      r.replay_lsn))
                             FROM pg_catalog.pg_stat_replication r), 0) > 256 * 1024 * 1024 THEN 1.0
            WHEN EXISTS (SELECT FROM pg_catalog.pg_stat_activity a
                          WHERE a.wait_event_type = 'Lock'
                            AND pg_catalog.pg_backend_pid() = ANY (pg_catalog.pg_blocking_pids(a.pid))) THEN 0.5
            ELSE greatest(0, least(0.01, %(took)s::float8 / 20) - %(looking)s::float8) END::float8 AS seconds
