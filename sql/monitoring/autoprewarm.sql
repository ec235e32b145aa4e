-- The state of autoprewarm, without what is in shared buffers; one row, with the columns of buffer_summary.
-- lane: slow
WITH setting AS MATERIALIZED (
  SELECT s.name, s.setting FROM pg_catalog.pg_settings s
   WHERE s.name IN ('shared_buffers', 'pg_prewarm.autoprewarm', 'pg_prewarm.autoprewarm_interval')
)
SELECT (SELECT s.setting::bigint FROM setting s WHERE s.name = 'shared_buffers') AS total,
       pg_catalog.current_setting('block_size')::bigint AS block,
       NULL::bigint AS used, NULL::bigint AS dirty, NULL::bigint AS pinned, NULL::bigint[] AS usage,
       pg_catalog.date_part('epoch', pg_catalog.clock_timestamp() - pg_catalog.pg_postmaster_start_time()) AS uptime,
       a.autoprewarm, a.every, CASE WHEN a.autoprewarm = 'on' THEN 'autoprewarm.blocks' END AS dump_file
  FROM (SELECT (SELECT s.setting FROM setting s WHERE s.name = 'pg_prewarm.autoprewarm') AS autoprewarm,
               (SELECT s.setting::bigint FROM setting s WHERE s.name = 'pg_prewarm.autoprewarm_interval') AS every) a
