-- What statistics say of the tables that a plan reads: how old they are, and how many rows were counted since.
SELECT n.nspname::text AS schema, c.relname::text AS name, c.oid::bigint AS oid, c.relkind::text AS kind,
       c.reltuples::double precision AS planned_rows, c.relpages::bigint AS pages,
       c.relpages::bigint * pg_catalog.current_setting('block_size')::bigint AS bytes,
       pg_catalog.pg_stat_get_live_tuples(c.oid) AS live_rows,
       pg_catalog.pg_stat_get_mod_since_analyze(c.oid) AS changed,
       pg_catalog.date_part('epoch', pg_catalog.clock_timestamp()
         - greatest(pg_catalog.pg_stat_get_last_analyze_time(c.oid),
                    pg_catalog.pg_stat_get_last_autoanalyze_time(c.oid))) AS analyzed_age
  FROM ROWS FROM (pg_catalog.unnest(%(schemas)s::text[]), pg_catalog.unnest(%(tables)s::text[])) w(schema, name)
  JOIN pg_catalog.pg_namespace n ON n.nspname = w.schema
  JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = w.name
