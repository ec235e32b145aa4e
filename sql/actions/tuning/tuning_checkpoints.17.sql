-- How many checkpoints came by the clock and how many because WAL filled up.
SELECT c.num_timed AS timed, c.num_requested AS requested FROM pg_catalog.pg_stat_checkpointer c
