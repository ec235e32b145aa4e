"""Faults injected into real servers, one for each rule: `FAULTS` lists them, tests/test_rules.py injects each.

A fault is a context manager that takes a Stage and yields what the sentence of the finding must name; at its end it
takes back what the fix has not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import replace

from console.model import Limit
from console.settings import config
from tests.clusters import CitusCluster
from tests.faults import (
    blocking,
    care,
    cluster,
    connections,
    held,
    host,
    indexes,
    jobs,
    partitions,
    pools,
    redis,
    replicas,
    settings,
    soon,
    statements,
    tables,
    wal,
)
from tests.faults.stage import Stage, sooner

Configured = Callable[[config.Settings], config.Settings]
Fault = Callable[[Stage], AbstractContextManager[str]]
ClusterFault = Callable[[CitusCluster], AbstractContextManager[str]]

FAULTS: Mapping[str, tuple[Fault, ...]] = {
    "blocking-session": (
        blocking.row_locked_by_an_idle_session,
        blocking.queue_behind_an_alter,
        blocking.advisory_lock_of_an_idle_session,
    ),
    "connections-full": (connections.pool_that_leaks,),
    "connection-churn": (connections.application_without_a_pool,),
    "failed-logins": (connections.repeated_wrong_passwords,),
    "pool-exhausted": (
        pools.servers_held_by_idle_transactions,
        pools.servers_held_by_long_statements,
        pools.clients_of_a_session_pool,
        pools.pool_smaller_than_its_load,
        pools.database_at_its_limit,
        pools.user_at_its_limit,
        pools.database_that_is_paused,
        pools.pooler_that_is_paused,
        pools.database_that_is_disabled,
        pools.server_that_does_not_answer,
        pools.as_many_clients_as_admitted,
    ),
    "wal-retained": (wal.slot_that_retains, wal.archive_command_that_fails),
    "vacuum-pinned": (
        held.old_snapshot_of_a_session,
        held.old_transaction_that_wrote,
        held.old_prepared_transaction,
        held.slot_left_behind,
        held.feedback_of_a_standby,
    ),
    "partition-runway": (partitions.last_partition_ends_with_this_month, partitions.table_without_a_policy),
    "partition-gap": (
        partitions.month_that_was_left_out,
        partitions.coming_month_that_was_left_out,
        partitions.rows_in_the_default_partition,
    ),
    "idle-in-transaction": (held.session_left_in_transaction,),
    "advisory-lock-leaked": (pools.advisory_lock_left_in_a_pool,),
    "pooler-gone": (pools.pooler_that_hangs,),
    "prepared-transaction": (held.transaction_left_prepared,),
    "invalid-index": (indexes.build_that_failed,),
    "redundant-index": (indexes.index_that_another_covers,),
    "index-missing": (indexes.foreign_key_without_an_index, indexes.table_scanned_again_and_again),
    "unused-index": (indexes.index_without_scans,),
    "restart-pending": (settings.value_that_waits,),
    "restart-would-fail": (settings.value_that_prevents_the_start,),
    "settings-file-error": (settings.line_with_an_error,),
    "view-stale": (care.view_never_filled,),
    "schema-drift": (care.index_of_the_schema_dropped,),
    "checksum-failure": (care.block_that_was_damaged,),
    "clock-set-back": (care.clock_an_hour_behind,),
    "end-of-life": (care.version_without_support,),
    "pgbouncer-cve": (pools.version_with_a_vulnerability,),
    "md5-password": (care.role_with_an_md5_password,),
    "wraparound": (soon.table_that_is_not_frozen,),
    "sequence-end": (soon.serial_near_its_end,),
    "statement-regressed": (statements.function_that_became_slow, statements.index_dropped_under_a_statement),
    "n-plus-one": (statements.rows_read_one_by_one,),
    "deadlock": (soon.two_that_lock_crosswise,),
    "temporary-files": (soon.sort_on_disk,),
    "requested-checkpoints": (soon.checkpoints_by_size,),
    "runaway-statement": (soon.statement_without_end,),
    "replication-lag": (soon.standby_that_reads_nothing,),
    "replica-gone": (replicas.server_that_died, replicas.replica_that_lost_its_primary),
    "replica-promoted": (replicas.replica_that_was_promoted,),
    "replica-paused": (replicas.replay_that_is_paused,),
    "replica-lag": (replicas.replay_that_waits_for_a_query,),
    "replica-settings": (replicas.primary_with_a_higher_setting,),
    "bloat": (tables.table_of_empty_pages,),
    "vacuum-overdue": (tables.dead_tuples_that_stay,),
    "autovacuum-disabled": (tables.table_without_autovacuum,),
    "host-cpu": (host.cores_that_are_all_busy,),
    "host-memory": (host.memory_that_is_used_up, host.container_at_its_limit),
    "host-swap": (host.machine_that_swaps,),
    "slow-reads": (host.disk_that_is_slow,),
    "disk-space": (host.disk_that_is_nearly_full, host.disk_that_fills_up),
    "redis-gone": (redis.server_that_died,),
    "redis-memory": (redis.memory_without_a_limit, redis.memory_nearly_full),
    "redis-evicts": (redis.memory_too_small,),
    "redis-blocked": (redis.clients_that_wait_in_vain,),
    "cache-misses": (redis.reads_that_found_nothing,),
    "parent-not-analyzed": (tables.partitions_analysed_alone,),
    "worker-missing": (jobs.jobs_without_a_worker,),
    "job-overdue": (jobs.job_that_no_worker_takes,),
    "job-failed": (jobs.job_without_another_attempt,),
    "recurring-job-missing": (jobs.recurring_job_that_was_deleted,),
    "extension-version": (care.extension_of_an_older_version,),
}
CLUSTER_FAULTS: Mapping[str, tuple[ClusterFault, ...]] = {
    "cluster-node-down": (cluster.node_that_is_down,),
    "cluster-metadata": (cluster.node_without_metadata, cluster.node_that_knows_something_else),
    "cluster-placement": (cluster.shard_that_is_placed_elsewhere, cluster.shard_that_is_gone),
    "cluster-unbalanced": (cluster.node_that_holds_most,),
}
# What the configuration must say so that a fault of the rule needs neither days nor gigabytes nor a fast machine.
SETTINGS: Mapping[str, Configured] = {
    "vacuum-pinned": lambda usual: sooner(usual, xmin_age_transactions=Limit(100)),
    "idle-in-transaction": lambda usual: sooner(usual, idle_in_transaction_seconds=Limit(0.2)),
    "advisory-lock-leaked": lambda usual: sooner(usual, advisory_lock_seconds=Limit(0.2)),
    "prepared-transaction": lambda usual: sooner(usual, prepared_transaction_seconds=Limit(0.2)),
    "index-missing": lambda usual: sooner(
        usual, index_counted_days=Limit(0, below=True), unindexed_bytes=Limit(2_000_000)
    ),
    "unused-index": lambda usual: sooner(usual, index_counted_days=Limit(0, below=True)),
    "failed-logins": lambda usual: sooner(usual, failed_logins=Limit(5)),
    "connection-churn": lambda usual: sooner(usual, new_sessions_per_second=Limit(0.5)),
    "temporary-files": lambda usual: sooner(usual, temp_bytes_per_second=Limit(1)),
    "runaway-statement": lambda usual: sooner(usual, statement_seconds=Limit(0.5)),
    "replication-lag": lambda usual: sooner(usual, replication_lag_bytes=Limit(1000)),
    "replica-lag": lambda usual: sooner(usual, replication_lag_bytes=Limit(1000)),
    "view-stale": lambda usual: replace(usual, refreshes=(config.RefreshPolicy("public.report"),)),
    "connections-full": lambda usual: sooner(usual, connection_usage_percent=Limit(12)),
    "cluster-unbalanced": lambda usual: sooner(
        usual, cluster_imbalance_percent=Limit(60), cluster_imbalance_bytes=Limit(500_000)
    ),
    "redis-memory": lambda usual: sooner(usual, redis_memory_percent=Limit(20)),
    "redis-blocked": lambda usual: sooner(usual, redis_blocked_clients=Limit(3)),
    "wal-retained": lambda usual: sooner(
        usual, retained_wal_bytes=Limit(2_000_000), archive_failing_seconds=Limit(0.1)
    ),
}

# Rules whose faults need a PgBouncer.
POOLED = frozenset({"pool-exhausted", "advisory-lock-leaked", "pgbouncer-cve", "pooler-gone"})
# Rules whose faults need a Redis.
CACHED = frozenset({"redis-gone", "redis-memory", "redis-evicts", "redis-blocked", "cache-misses"})
# Rules whose faults need a streaming replica.
REPLICATED = frozenset({"replica-gone", "replica-promoted", "replica-paused", "replica-lag", "replica-settings"})
# Rules whose faults are those of a machine.
HOSTED = frozenset({"host-cpu", "host-memory", "host-swap", "slow-reads", "disk-space"})

__all__ = [
    "CACHED",
    "CLUSTER_FAULTS",
    "FAULTS",
    "HOSTED",
    "POOLED",
    "REPLICATED",
    "SETTINGS",
    "ClusterFault",
    "Fault",
    "Stage",
]
