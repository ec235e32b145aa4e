-- How many checkpoints were timed, and how many were requested.
SELECT b.checkpoints_timed AS timed, b.checkpoints_req AS requested FROM pg_catalog.pg_stat_bgwriter b
