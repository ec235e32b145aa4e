-- What keeps WAL: each replication slot, and the archiver where its last attempt failed; a slot keeps up to `limit`.
-- A slot that no consumer uses, and a failing archiver, keep all that is written from now on.
-- lane: slow
WITH now AS (
  SELECT CASE WHEN pg_catalog.pg_is_in_recovery() THEN pg_catalog.pg_last_wal_replay_lsn()
              ELSE pg_catalog.pg_current_wal_lsn() END AS lsn,
         (SELECT nullif(s.setting::bigint, -1) * 1048576 FROM pg_catalog.pg_settings s
           WHERE s.name = 'max_slot_wal_keep_size') AS most,
         (SELECT s.setting::bigint FROM pg_catalog.pg_settings s WHERE s.name = 'wal_segment_size') AS segment
)
(SELECT 'slot' AS kind, s.slot_name::text AS subject,
        greatest(pg_catalog.pg_wal_lsn_diff(n.lsn, s.restart_lsn), 0)::float8 AS used, n.most::float8 AS "limit",
        s.active
   FROM pg_catalog.pg_get_replication_slots() s CROSS JOIN now n
  WHERE NOT s.temporary AND s.restart_lsn IS NOT NULL
  ORDER BY 3 DESC
  LIMIT 20)
 UNION ALL
SELECT 'archiver', 'archiver',
       greatest(pg_catalog.pg_wal_lsn_diff(n.lsn, '0/0')
                - (('x' || pg_catalog.substr(a.last_archived_wal, 9, 8))::bit(32)::bigint * 4294967296
                   + ('x' || pg_catalog.substr(a.last_archived_wal, 17, 8))::bit(32)::bigint * n.segment), 0)::float8,
       NULL, false
  FROM pg_catalog.pg_stat_archiver a CROSS JOIN now n
 WHERE pg_catalog.current_setting('archive_mode') <> 'off' AND a.last_archived_wal ~ '^[0-9A-F]{24}'
   AND a.last_failed_time > coalesce(a.last_archived_time, '-infinity')
