activity AS (SELECT * FROM pg_catalog.pg_stat_get_activity(NULL))
