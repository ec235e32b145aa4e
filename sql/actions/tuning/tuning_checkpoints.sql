-- How many checkpoints came by the clock and how many because WAL filled up.
SELECT b.checkpoints_timed AS timed, b.checkpoints_req AS requested FROM pg_catalog.pg_stat_bgwriter b
