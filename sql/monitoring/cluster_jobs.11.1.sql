-- Background jobs of a Citus cluster, such as rebalancing, and the shards that are being moved or copied now.
-- lane: slow
-- extension: citus
--
-- The 100 most recent jobs. A move has no job of its own where it was started by hand.
SELECT 1 AS rank, j.job_id AS job, j.job_type::text AS type, j.state::text AS state, j.description,
       pg_catalog.date_part('epoch', pg_catalog.now() - j.started_at) AS started_age,
       pg_catalog.date_part('epoch', coalesce(j.finished_at, pg_catalog.now()) - j.started_at) AS seconds,
       t.tasks, t.failed, 100.0::float8 * t.done / nullif(t.tasks, 0) AS done, t.retries, t.message
  FROM pg_catalog.pg_dist_background_job j
  LEFT JOIN LATERAL (
       SELECT pg_catalog.count(*) AS tasks, pg_catalog.count(*) FILTER (WHERE k.status = 'done') AS done,
              pg_catalog.count(*) FILTER (WHERE k.status = 'error') AS failed,
              pg_catalog.sum(coalesce(k.retry_count, 0))::bigint AS retries,
              pg_catalog.string_agg(DISTINCT nullif(k.message, ''), ' ')
                FILTER (WHERE k.status <> 'done') AS message  -- that of a task that is done is its command tag
         FROM pg_catalog.pg_dist_background_task k WHERE k.job_id = j.job_id) t ON true
 WHERE j.job_id > (SELECT pg_catalog.max(x.job_id) FROM pg_catalog.pg_dist_background_job x) - 100
 UNION ALL
SELECT 0, NULL, 'move', CASE m.progress WHEN 0 THEN 'waiting' WHEN 1 THEN 'running' ELSE 'finished' END,
       pg_catalog.format('%%s shard %%s (%%s) from %%s:%%s to %%s:%%s', m.table_name, m.shardid,
                         pg_catalog.pg_size_pretty(m.source_shard_size), m.sourcename, m.sourceport,
                         m.targetname, m.targetport),
       NULL, NULL, NULL, NULL,
       least(100.0, 100.0 * m.target_shard_size / nullif(m.source_shard_size, 0))::float8, NULL,
       m.status  -- since 11.2
       NULL  -- before 11.2
  FROM pg_catalog.get_rebalance_progress() m
 ORDER BY 1, 2 DESC
