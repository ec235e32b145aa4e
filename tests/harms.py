"""A harmful and a harmless value for each setting in the table of harmful values."""

from __future__ import annotations

from collections.abc import Mapping

_GROUPS: Mapping[tuple[str, str], str] = {
    ("off", "on"): """fsync full_page_writes array_nulls check_function_bodies track_activities track_counts
        pg_stat_statements.save restart_after_crash autovacuum remove_temp_files_after_crash enable_seqscan
        enable_indexscan enable_hashjoin enable_nestloop enable_sort enable_partition_pruning""",
    ("on", "off"): """zero_damaged_pages ignore_checksum_failure ignore_invalid_pages data_sync_retry
        transform_null_equals ignore_system_indexes quote_all_identifiers default_transaction_deferrable exit_on_error
        log_duration log_executor_stats log_parser_stats log_planner_stats log_statement_stats log_btree_build_stats
        log_disconnections jit_dump_bitcode jit_profiling_support jit_debugging_support log_hostname
        send_abort_for_crash send_abort_for_kill""",
    ("59s", "60s"): "statement_timeout transaction_timeout",
    ("9s", "10s"): """idle_in_transaction_session_timeout tcp_keepalives_idle wal_sender_timeout wal_receiver_timeout
        authentication_timeout max_standby_archive_delay max_standby_streaming_delay""",
    ("9999ms", "10s"): "tcp_user_timeout",
    ("1.1", "1"): """autovacuum_vacuum_scale_factor autovacuum_analyze_scale_factor
        autovacuum_vacuum_insert_scale_factor""",
    ("10000001", "10000000"): """autovacuum_vacuum_threshold autovacuum_analyze_threshold
        autovacuum_vacuum_insert_threshold""",
    ("21ms", "20ms"): "autovacuum_vacuum_cost_delay vacuum_cost_delay",
    ("99", "100"): "autovacuum_vacuum_cost_limit vacuum_cost_limit",
    ("101", "100"): "vacuum_cost_page_dirty vacuum_cost_page_hit vacuum_cost_page_miss",
    ("49999999", "50000000"): "autovacuum_freeze_max_age autovacuum_multixact_freeze_max_age",
    ("1900000001", "1900000000"): "vacuum_failsafe_age vacuum_multixact_failsafe_age",
    ("1", "0"): "gin_fuzzy_search_limit vacuum_defer_cleanup_age",
    ("99ms", "100ms"): """log_min_duration_statement log_min_duration_sample auto_explain.log_min_duration
        deadlock_timeout""",
    ("448kB", "512kB"): "work_mem logical_decoding_work_mem",
    ("63", "64"): "max_locks_per_transaction",
    ("3MB", "4MB"): "maintenance_work_mem autovacuum_work_mem",
    ("101.0", "100"): "seq_page_cost random_page_cost",
    ("1e300", "1"): "cpu_tuple_cost cpu_index_tuple_cost cpu_operator_cost",
    ("1e300", "1000000000"): """parallel_setup_cost parallel_tuple_cost jit_above_cost jit_inline_above_cost
        jit_optimize_above_cost""",
    ("17", "16"): "from_collapse_limit join_collapse_limit geqo_threshold",
    ("10001", "10000"): "geqo_pool_size geqo_generations",
    ("regress", "off"): "force_parallel_mode",
    ("59s", "1min"): "idle_session_timeout archive_timeout",
}
_SINGLE: Mapping[str, tuple[str, str]] = {
    "synchronous_commit": ("local", "on"),
    "old_snapshot_threshold": ("0", "-1"),
    "extra_float_digits": ("0", "1"),
    "DateStyle": ("SQL, DMY", "ISO, MDY"),
    "IntervalStyle": ("iso_8601", "postgres"),
    "TimeZone": ("Asia/Tokyo", "UTC"),
    "bytea_output": ("escape", "hex"),
    "default_table_access_method": ("nosuch", "heap"),
    "default_tablespace": ("nosuch", ""),
    "default_text_search_config": ("pg_catalog.french", "pg_catalog.english"),
    "default_transaction_isolation": ("serializable", "read committed"),
    "timezone_abbreviations": ("India", "Default"),
    "xmlbinary": ("hex", "base64"),
    "xmloption": ("document", "content"),
    "backslash_quote": ("on", "safe_encoding"),
    "client_min_messages": ("error", "warning"),
    "log_min_messages": ("debug1", "error"),
    "log_min_error_statement": ("panic", "error"),
    "compute_query_id": ("off", "auto"),
    "pg_stat_statements.track": ("none", "top"),
    "lock_timeout": ("999ms", "1s"),
    "tcp_keepalives_count": ("1", "2"),
    "temp_file_limit": ("0", "256MB"),
    "max_stack_depth": ("1023kB", "1MB"),
    "shared_buffers": ("7MB", "8MB"),
    "wal_receiver_status_interval": ("0", "30s"),
    "wal_retrieve_retry_interval": ("61s", "60s"),
    "idle_replication_slot_timeout": ("23h", "1d"),
    "max_slot_wal_keep_size": ("1023MB", "1GB"),
    "recovery_min_apply_delay": ("1s", "0"),
    "max_logical_replication_workers": ("0", "1"),
    "autovacuum_naptime": ("61min", "60min"),
    "vacuum_freeze_min_age": ("500000001", "500000000"),
    "log_statement": ("all", "ddl"),
    "log_transaction_sample_rate": ("0.02", "0.01"),
    "log_rotation_size": ("1023kB", "1MB"),
    "log_rotation_age": ("9min", "10min"),
    "log_startup_progress_interval": ("999ms", "1s"),
    "log_destination": ("", "stderr"),
    "checkpoint_timeout": ("30s", "2h"),
    "gin_pending_list_limit": ("1025MB", "1GB"),
    "scram_iterations": ("100001", "100000"),
    "password_encryption": ("md5", "scram-sha-256"),
    "session_preload_libraries": ("auto_explain", ""),
    "client_connection_check_interval": ("999ms", "1s"),
    "commit_delay": ("10001", "10000"),
    "temp_buffers": ("1025MB", "1GB"),
    "wal_buffers": ("128kB", "256kB"),
    "recursive_worktable_factor": ("1001", "1000"),
    "effective_cache_size": ("8MB", "16MB"),
    "default_statistics_target": ("9", "10"),
    "plan_cache_mode": ("force_generic_plan", "force_custom_plan"),
}
EXAMPLES: Mapping[str, tuple[str, str]] = {
    **{name: pair for pair, names in _GROUPS.items() for name in names.split()},
    **_SINGLE,
}

# Statements of any application, each with an answer that no tuning may change.
ORDINARY = (
    "CREATE TEMP TABLE spot (id bigint PRIMARY KEY, body text, words tsvector, at timestamptz, price float8)",
    "INSERT INTO spot SELECT n, md5(n::text), 'every', now(), n / 3.0 FROM generate_series(1, 9999) n",
    "CREATE INDEX ON spot USING gin (words)",
    "ANALYZE spot",
    "SELECT count(*), sum(price) FROM spot WHERE words @@ 'every'",
    "SELECT a.id, b.body FROM spot a JOIN spot b USING (id) ORDER BY a.body DESC, a.id LIMIT 5",
    "SELECT count(*) FROM (SELECT DISTINCT body FROM spot ORDER BY body OFFSET 10) s",
    "SELECT '{a,NULL}'::text[], NULL = NULL, (1.1::float8 / 3)::text, '\\x0102'::bytea::text",
    "SELECT (timestamptz '2026-11-28 12:00:00+00')::text, (interval '1 day 2 hours')::text",
    "SELECT pg_catalog.to_tsvector('The running foxes')::text",
    "UPDATE spot SET price = price + 1 WHERE id < 100",
    "DELETE FROM spot WHERE id > 9000",
    "WITH RECURSIVE up (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM up WHERE n < 500) SELECT sum(n) FROM up",
    "CREATE TABLE public.spot_kept (id int PRIMARY KEY, at date NOT NULL DEFAULT '2026-11-28')",
    "INSERT INTO public.spot_kept SELECT generate_series(1, 1000) RETURNING id",
    "VACUUM (ANALYZE) public.spot_kept",
    "SELECT sum(id), min(at)::text FROM public.spot_kept",
    "DROP TABLE public.spot_kept",
    "DROP TABLE spot",
)
