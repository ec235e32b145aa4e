-- The archiver: whether its last attempt failed, and since when it has archived nothing; one row.
SELECT pg_catalog.current_setting('archive_mode') AS archive_mode, a.failed_count, a.last_failed_wal,
       a.last_failed_time > coalesce(a.last_archived_time, '-infinity') AS failing,
       pg_catalog.date_part('epoch', n.at - a.last_failed_time) AS failed_age,
       pg_catalog.date_part('epoch', n.at - coalesce(a.last_archived_time, a.stats_reset,
                                                     pg_catalog.pg_postmaster_start_time())) AS behind
  FROM pg_catalog.pg_stat_get_archiver() a CROSS JOIN (SELECT pg_catalog.clock_timestamp() AS at) n
