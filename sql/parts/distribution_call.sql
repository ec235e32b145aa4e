-- The call that distributes a table, as a CTE of what stands before and after its name.
call AS MATERIALIZED (
  SELECT CASE WHEN %(column)s::text IS NULL THEN 'SELECT pg_catalog.create_reference_table('
              WHEN %(online)s::bool THEN 'SELECT pg_catalog.create_distributed_table_concurrently('
              ELSE 'SELECT pg_catalog.create_distributed_table(' END AS before,
         coalesce(', ' || pg_catalog.quote_literal(%(column)s::text) || ', colocate_with => '
                  || pg_catalog.quote_literal(%(companion)s::text)
                  || coalesce(', shard_count => ' || %(shards)s::int, ''), '') || ')' AS after
)
