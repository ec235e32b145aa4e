         ORDER BY total_ms DESC
         LIMIT 500) s
  LEFT JOIN pg_catalog.pg_database d ON d.oid = s.dbid
 CROSS JOIN (SELECT pg_catalog.current_setting('block_size')::bigint AS size) b
 CROSS JOIN (SELECT e.dealloc, pg_catalog.date_part('epoch', e.stats_reset) AS at  -- since 1.9
               FROM @extschema@.pg_stat_statements_info e) i  -- since 1.9
 ORDER BY s.total_ms DESC
