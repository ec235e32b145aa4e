-- Subscriptions of all databases with their workers: how old the last message of each is, and how often it failed.
-- Errors are counted from 15 on. Which tables are not synchronized yet is known of this database alone.
SELECT s.oid::bigint AS oid, s.subname::text AS subscription, d.datname::text AS database, s.subenabled AS enabled,
       coalesce(w.pid, 0) AS worker_pid, nullif(w.pid, 0) AS pid,
       CASE WHEN NOT s.subenabled THEN 'disabled' WHEN w.pid IS NULL THEN 'no worker' ELSE 'running' END AS status,
       CASE WHEN w.pid IS NULL THEN NULL WHEN w.relid IS NOT NULL THEN 'table sync'
            WHEN (pg_catalog.to_jsonb(w) ->> 'leader_pid') IS NOT NULL THEN 'parallel apply' ELSE 'apply' END AS worker,
       coalesce(c.oid::regclass::text, 'relation ' || w.relid::text) AS "table",
       pg_catalog.date_part('epoch', n.at - w.last_msg_receipt_time) AS message_age,
       pg_catalog.pg_wal_lsn_diff(w.received_lsn, w.latest_end_lsn)::bigint AS unreported,
       t.waiting AS tables_waiting,
       e.apply_errors, e.sync_errors, s.subslotname::text AS slot,
       pg_catalog.array_to_string(s.subpublications, ' ') AS publications
  FROM pg_catalog.pg_subscription s
  JOIN pg_catalog.pg_database d ON d.oid = s.subdbid
 CROSS JOIN (SELECT pg_catalog.clock_timestamp() AS at) n
  LEFT JOIN pg_catalog.pg_stat_get_subscription(NULL) w ON w.subid = s.oid AND w.pid IS NOT NULL
  LEFT JOIN pg_catalog.pg_class c ON c.oid = w.relid AND d.datname = pg_catalog.current_database()
  LEFT JOIN LATERAL (
       SELECT pg_catalog.count(*) FILTER (WHERE r.srsubstate <> 'r') AS waiting
         FROM pg_catalog.pg_subscription_rel r WHERE r.srsubid = s.oid) t ON d.datname = pg_catalog.current_database()
  LEFT JOIN LATERAL (
       SELECT NULL::bigint AS apply_errors, NULL::bigint AS sync_errors  -- before 15
       SELECT x.apply_error_count AS apply_errors,  -- since 15
              x.sync_error_count AS sync_errors  -- since 15 before 19
              x.sync_table_error_count + x.sync_seq_error_count AS sync_errors  -- since 19
         FROM pg_catalog.pg_stat_get_subscription_stats(s.oid) x  -- since 15
       ) e ON true
