-- How many shared buffers are used, dirty and pinned, their usage counts, and the state of autoprewarm; one row.
-- right: SELECT ON @extschema@.pg_buffercache
-- Before 1.4 of the extension it reads the header of every buffer; above 1048576 buffers (8 GB) it reads none.
-- lane: slow
-- extension: pg_buffercache
-- otherwise: autoprewarm
WITH whole AS MATERIALIZED (
  SELECT s.setting::bigint AS total, s.setting::bigint > 1048576 AS unread
    FROM pg_catalog.pg_settings s WHERE s.name = 'shared_buffers'
), counted AS MATERIALIZED (
  SELECT b.usagecount, pg_catalog.count(*) AS buffers, pg_catalog.count(*) FILTER (WHERE b.isdirty) AS dirty,
         pg_catalog.count(*) FILTER (WHERE b.pinning_backends > 0) AS pinned
    FROM @extschema@.pg_buffercache b
   WHERE b.relfilenode IS NOT NULL AND NOT (SELECT w.unread FROM whole w)
   GROUP BY 1
), setting AS MATERIALIZED (
  SELECT s.name, s.setting FROM pg_catalog.pg_settings s
   WHERE s.name IN ('pg_prewarm.autoprewarm', 'pg_prewarm.autoprewarm_interval')
)
SELECT w.total, w.unread, pg_catalog.current_setting('block_size')::bigint AS block,
       CASE WHEN NOT w.unread THEN coalesce(pg_catalog.sum(c.buffers), 0)::bigint END AS used,
       coalesce(pg_catalog.sum(c.dirty), 0)::bigint AS dirty,
       coalesce(pg_catalog.sum(c.pinned), 0)::bigint AS pinned,
       (SELECT pg_catalog.array_agg(coalesce(k.buffers, 0) ORDER BY u.usagecount)
          FROM pg_catalog.generate_series(0, 5) u(usagecount)
          LEFT JOIN counted k ON k.usagecount = u.usagecount) AS usage,
       pg_catalog.date_part('epoch', pg_catalog.clock_timestamp() - pg_catalog.pg_postmaster_start_time()) AS uptime,
       a.autoprewarm, a.every, CASE WHEN a.autoprewarm = 'on' THEN 'autoprewarm.blocks' END AS dump_file
  FROM (SELECT (SELECT s.setting FROM setting s WHERE s.name = 'pg_prewarm.autoprewarm') AS autoprewarm,
               (SELECT s.setting::bigint FROM setting s WHERE s.name = 'pg_prewarm.autoprewarm_interval') AS every) a
 CROSS JOIN whole w
  LEFT JOIN counted c ON true
 GROUP BY w.total, w.unread, a.autoprewarm, a.every
