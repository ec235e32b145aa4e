-- Scans of indexes as the server that is asked has counted them, and for how long.
SELECT x.oid::bigint AS oid, pg_catalog.pg_stat_get_numscans(x.oid) AS scans,
       NULL::float8 AS last_use_age,  -- before 16
       pg_catalog.date_part('epoch', n.now - pg_catalog.pg_stat_get_lastscan(x.oid)) AS last_use_age,  -- since 16
       pg_catalog.date_part('epoch', n.now - n.since) AS counted_for  -- before 19
       pg_catalog.date_part(  -- since 19
         'epoch', n.now - coalesce(pg_catalog.pg_stat_get_stat_reset_time(x.oid), n.since)) AS counted_for  -- since 19
  FROM pg_catalog.unnest(%(oid)s::bigint[]::oid[]) x(oid)
 CROSS JOIN (
       SELECT pg_catalog.now() AS now,
              coalesce(pg_catalog.pg_stat_get_db_stat_reset_time(d.oid),
                       pg_catalog.pg_stat_get_bgwriter_stat_reset_time()) AS since
         FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database()) n
