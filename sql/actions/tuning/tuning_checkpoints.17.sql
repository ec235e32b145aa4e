-- How many checkpoints were timed, and how many were requested.
SELECT c.num_timed AS timed, c.num_requested AS requested FROM pg_catalog.pg_stat_checkpointer c
