-- Whether a rebalance of a Citus cluster can begin: the job that runs, tables without a key, rights, wal_level.
-- extension: citus
--
-- Shards move online by logical replication, for which a table needs a primary key or a replica identity.
WITH moved AS MATERIALIZED (
  SELECT c.oid, n.nspname || '.' || c.relname AS name, c.relreplident,
         pg_catalog.pg_has_role(c.relowner, 'USAGE') AS own
    FROM pg_catalog.pg_dist_partition t
    JOIN pg_catalog.pg_class c ON c.oid = t.logicalrelid AND c.relkind <> 'p'
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
   WHERE t.partmethod <> 'n' OR t.repmodel <> 't'
)
SELECT (SELECT pg_catalog.max(j.job_id) FROM pg_catalog.pg_dist_background_job j
         WHERE j.job_type = 'rebalance' AND j.state IN ('scheduled', 'running', 'cancelling', 'failing')) AS running,
       (SELECT pg_catalog.string_agg(m.name, ', ' ORDER BY m.name) FROM moved m WHERE NOT m.own) AS not_own,
       (SELECT pg_catalog.string_agg(m.name, ', ' ORDER BY m.name) FROM moved m
         WHERE m.relreplident = 'n' OR m.relreplident = 'd' AND NOT EXISTS (
               SELECT FROM pg_catalog.pg_index i WHERE i.indrelid = m.oid AND i.indisprimary)) AS keyless,
       pg_catalog.current_setting('wal_level') AS wal_level,
       (SELECT s.setting FROM pg_catalog.pg_settings s WHERE s.name = 'output_plugin_libraries') AS plugins,
       (SELECT pg_catalog.string_agg(s.name, ', ' ORDER BY s.default_strategy DESC, s.name)
          FROM pg_catalog.pg_dist_rebalance_strategy s) AS strategies
