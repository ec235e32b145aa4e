-- The 500 statements with the highest total time since the last reset, as counters without their texts.
-- extension: pg_stat_statements
-- They are found first, so that nothing is computed of all the rest of them.
@statement_columns@
@statement_rows@
