-- Statements and CPU time of tenants of a Citus cluster, in this period and the last one (citus.stat_tenants_period).
-- lane: slow
-- extension: citus
SELECT t.colocation_id::bigint AS colocation, t.tenant_attribute AS tenant,
       pg_catalog.sum(t.query_count_in_this_period + t.query_count_in_last_period)::bigint AS statements,
       pg_catalog.sum(t.cpu_usage_in_this_period + t.cpu_usage_in_last_period)::float8 AS cpu_seconds
  FROM pg_catalog.citus_stat_tenants(true) t
 WHERE t.tenant_attribute = ANY (%(tenant)s::text[]) AND t.colocation_id = ANY (%(colocation)s::bigint[])
 GROUP BY 1, 2
