"""VACUUM, ANALYZE, REINDEX, REFRESH and pg_repack."""
