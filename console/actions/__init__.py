"""The actions, as data: this list drives keys, palette, command line, documentation and the smoke tests."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from console.actions.planning import Action

# The action `vacuum-table` is VACUUM_TABLE in the module with this name, which is loaded when it is needed.
MODULES: Mapping[str, str] = {
    "apply-schema": "schema.apply_schema",
    "adopt-schema": "adoption.adopt_schema",
    "apply-tuning": "tuning.apply_tuning",
    "apply-indexes": "indexes.apply_indexes",
    "create-partitions": "partitions.create_partitions",
    "partition-table": "partitions.partition_table",
    "partition-by-hash": "partitions.partition_by_hash",
    "refresh-views": "maintenance.refresh_views",
    "archive-analytics": "archive.archive_analytics",
    "restore-analytics": "archive.restore_analytics",
    "export-archive": "archive.export_archive",
    "cancel-backend": "sessions.end_sessions",
    "terminate-backend": "sessions.end_sessions",
    "terminate-idle": "sessions.end_sessions",
    "limit-idle-transactions": "sessions.limit_idle_transactions",
    "rollback-prepared": "sessions.rollback_prepared",
    "drop-slot": "replication.drop_slot",
    "resume-replay": "replication.resume_replay",
    "vacuum-table": "maintenance.upkeep",
    "analyze-table": "maintenance.upkeep",
    "set-autovacuum": "maintenance.set_autovacuum",
    "reset-statements": "statistics.reset_statements",
    "reindex": "maintenance.upkeep",
    "create-index": "indexes.create_index",
    "drop-index": "indexes.drop_and_repair",
    "repair-invalid-indexes": "indexes.drop_and_repair",
    "repack-table": "maintenance.repack",
    "prewarm": "maintenance.prewarm",
    "schedule-jobs": "jobs.schedule_jobs",
    "run-job": "jobs.change_job",
    "retry-job": "jobs.change_job",
    "cancel-job": "jobs.change_job",
    "sample-capacity": "capacity.sample_capacity",
    "load-test": "load.load_test",
    "create-roles": "schema.create_roles",
    "create-extensions": "schema.create_extensions",
    "write-pgbouncer-config": "pooler.write_pgbouncer_config",
    "pooler-pause": "pooler.pause",
    "pooler-resume": "pooler.pause",
    "pooler-reload": "pooler.reload",
    "pooler-reconnect": "pooler.commands",
    "wait-close": "pooler.commands",
    "pooler-disable": "pooler.commands",
    "pooler-enable": "pooler.commands",
    "pooler-kill": "pooler.commands",
    "kill-client": "pooler.commands",
    "invalidate-brand": "cache.drop_cached",
    "flush-tenant": "cache.drop_cached",
    "distribute-table": "cluster.distribute",
    "rebalance-cluster": "cluster.rebalance",
    "cancel-cluster-job": "cluster.rebalance",
    "undo": "trail.undo",
}
ACTIONS: tuple[Action, ...]  # all of them, in this order


def action(name: str) -> Action:
    """The action called `name`. Raises KeyError if there is none."""
    module = import_module(f"{__name__}.{MODULES[name]}")
    found: Action = getattr(module, name.replace("-", "_").upper())
    return found


def __getattr__(name: str) -> tuple[Action, ...]:
    if name != "ACTIONS":
        raise AttributeError(name)
    global ACTIONS  # noqa: PLW0603  loaded once, when somebody asks for all
    ACTIONS = tuple(map(action, MODULES))
    return ACTIONS
