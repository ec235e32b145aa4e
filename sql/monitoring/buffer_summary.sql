-- How many shared buffers are used, dirty and pinned, their usage counts, and the state of autoprewarm; one row.
-- Before 1.4 of the extension it reads the header of every buffer.
-- lane: slow
-- extension: pg_buffercache
-- otherwise: autoprewarm
WITH counted AS MATERIALIZED (
  SELECT b.usagecount, pg_catalog.count(*) AS buffers, pg_catalog.count(*) FILTER (WHERE b.isdirty) AS dirty,
         pg_catalog.count(*) FILTER (WHERE b.pinning_backends > 0) AS pinned
    FROM @extschema@.pg_buffercache b
   WHERE b.relfilenode IS NOT NULL
   GROUP BY 1
), setting AS MATERIALIZED (
  SELECT s.name, s.setting FROM pg_catalog.pg_settings s
   WHERE s.name IN ('shared_buffers', 'pg_prewarm.autoprewarm', 'pg_prewarm.autoprewarm_interval')
)
SELECT (SELECT s.setting::bigint FROM setting s WHERE s.name = 'shared_buffers') AS total,
       pg_catalog.current_setting('block_size')::bigint AS block,
       coalesce(pg_catalog.sum(c.buffers), 0)::bigint AS used, coalesce(pg_catalog.sum(c.dirty), 0)::bigint AS dirty,
       coalesce(pg_catalog.sum(c.pinned), 0)::bigint AS pinned,
       (SELECT pg_catalog.array_agg(coalesce(k.buffers, 0) ORDER BY u.usagecount)
          FROM pg_catalog.generate_series(0, 5) u(usagecount)
          LEFT JOIN counted k ON k.usagecount = u.usagecount) AS usage,
       pg_catalog.date_part('epoch', pg_catalog.clock_timestamp() - pg_catalog.pg_postmaster_start_time()) AS uptime,
       a.autoprewarm, a.every, CASE WHEN a.autoprewarm = 'on' THEN 'autoprewarm.blocks' END AS dump_file
  FROM (SELECT (SELECT s.setting FROM setting s WHERE s.name = 'pg_prewarm.autoprewarm') AS autoprewarm,
               (SELECT s.setting::bigint FROM setting s WHERE s.name = 'pg_prewarm.autoprewarm_interval') AS every) a
  LEFT JOIN counted c ON true
 GROUP BY a.autoprewarm, a.every
