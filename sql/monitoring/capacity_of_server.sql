-- The 200 largest tables, each with all its partitions: sizes of heap, indexes and TOAST, and rows.
-- A table is left out while an ACCESS EXCLUSIVE lock is held or awaited on it, on one of its indexes or on a partition.
-- Rows are as of the last VACUUM or ANALYZE; null before the first.
-- lane: slow
@capacity_of_tables@
