"""Settings that no preset may write, whatever it accepts. Pure."""

from __future__ import annotations

# Settings that control access, files, external commands and durability are not tuning.
NEVER = frozenset(
    """allow_alter_system allow_in_place_tablespaces allow_system_table_mods archive_cleanup_command archive_command
    archive_library archive_mode bonjour bonjour_name client_encoding config_file createrole_self_grant
    data_directory data_sync_retry db_user_namespace default_transaction_read_only dynamic_library_path
    dynamic_shared_memory_type event_source event_triggers extension_control_path extension_destdir
    external_pid_file fsync full_page_writes hba_file hot_standby huge_page_size ident_file
    ignore_checksum_failure ignore_invalid_pages ignore_system_indexes io_method jit_provider listen_addresses
    lo_compat_privileges local_preload_libraries log_directory log_file_mode log_filename
    oauth_validator_libraries output_plugin_libraries port post_auth_delay pre_auth_delay primary_conninfo
    primary_slot_name promote_trigger_file recovery_end_command restore_command restrict_nonsystem_relation_kind
    role row_security search_path session_authorization session_replication_role shared_memory_type
    standard_conforming_strings stats_temp_directory synchronized_standby_slots synchronous_standby_names
    transaction_deferrable transaction_isolation transaction_read_only wal_consistency_checking wal_sync_method
    zero_damaged_pages""".split()  # noqa: SIM905  sixty lines otherwise
)
NEVER_BEGINNINGS = ("debug_", "gss_", "krb_", "lc_", "recovery_target", "ssl", "trace_", "unix_socket_")


def forbidden(name: str) -> bool:
    """Whether presets never write this setting."""
    return name in NEVER or name.startswith(NEVER_BEGINNINGS)
