-- How many shared buffers are used, dirty and pinned, their usage counts, and the state of autoprewarm; one row.
-- right: EXECUTE ON FUNCTION @extschema@.pg_buffercache_usage_counts()
-- Unused buffers have the usage count 0, and are left out of that.
-- lane: slow
-- extension: pg_buffercache
-- otherwise: autoprewarm
WITH setting AS MATERIALIZED (
  SELECT s.name, s.setting FROM pg_catalog.pg_settings s
   WHERE s.name IN ('shared_buffers', 'pg_prewarm.autoprewarm', 'pg_prewarm.autoprewarm_interval')
)
SELECT (SELECT s.setting::bigint FROM setting s WHERE s.name = 'shared_buffers') AS total,
       pg_catalog.current_setting('block_size')::bigint AS block,
       b.buffers_used::bigint AS used, b.buffers_dirty::bigint AS dirty, b.buffers_pinned::bigint AS pinned,
       (SELECT pg_catalog.array_agg(
                 CASE WHEN u.usage_count = 0 THEN greatest(u.buffers - b.buffers_unused, 0) ELSE u.buffers END::bigint
                 ORDER BY u.usage_count)
          FROM @extschema@.pg_buffercache_usage_counts() u) AS usage,
       pg_catalog.date_part('epoch', pg_catalog.clock_timestamp() - pg_catalog.pg_postmaster_start_time()) AS uptime,
       a.autoprewarm, a.every, CASE WHEN a.autoprewarm = 'on' THEN 'autoprewarm.blocks' END AS dump_file
  FROM @extschema@.pg_buffercache_summary() b
 CROSS JOIN (SELECT (SELECT s.setting FROM setting s WHERE s.name = 'pg_prewarm.autoprewarm') AS autoprewarm,
                    (SELECT s.setting::bigint FROM setting s WHERE s.name = 'pg_prewarm.autoprewarm_interval')
                      AS every) a
