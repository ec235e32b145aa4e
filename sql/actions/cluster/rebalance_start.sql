-- The statement that begins a rebalance of a Citus cluster in the background.
-- extension: citus
SELECT pg_catalog.format('SELECT pg_catalog.citus_rebalance_start(%%sshard_transfer_mode => %%L)',
         'rebalance_strategy => ' || pg_catalog.quote_literal(nullif(%(strategy)s::text, '')) || ', ',
         %(transfer)s::text) AS sql,
       'moves ' || %(what)s::text || ' in the background; '
       || CASE %(transfer)s::text WHEN 'block_writes' THEN 'writes to a shard wait while it is copied'
               ELSE 'writes to a shard wait only for the end of its copy' END AS note,
       'SELECT pg_catalog.count(*) > 0, ''Citus began no job.'' FROM pg_catalog.pg_dist_background_job j'
       ' WHERE j.job_type = ''rebalance'' AND j.job_id > ' || coalesce((
         SELECT pg_catalog.max(j.job_id) FROM pg_catalog.pg_dist_background_job j), 0) AS expect,
       false AS transaction
