"""The actions, as data: this list drives keys, palette, command line, documentation and the smoke tests."""

from __future__ import annotations

from console.actions.adoption.adopt_schema import ADOPT_SCHEMA
from console.actions.archive.archive_analytics import ARCHIVE_ANALYTICS
from console.actions.archive.export_archive import EXPORT_ARCHIVE
from console.actions.archive.restore_analytics import RESTORE_ANALYTICS
from console.actions.cache.drop_cached import FLUSH_TENANT, INVALIDATE_BRAND
from console.actions.capacity.sample_capacity import SAMPLE_CAPACITY
from console.actions.cluster.distribute import DISTRIBUTE_TABLE
from console.actions.cluster.rebalance import CANCEL_CLUSTER_JOB, REBALANCE_CLUSTER
from console.actions.indexes.apply_indexes import APPLY_INDEXES
from console.actions.indexes.create_index import CREATE_INDEX
from console.actions.indexes.drop_and_repair import DROP_INDEX, REPAIR_INVALID_INDEXES
from console.actions.jobs.change_job import CANCEL_JOB, RETRY_JOB, RUN_JOB
from console.actions.jobs.schedule_jobs import SCHEDULE_JOBS
from console.actions.load.load_test import LOAD_TEST
from console.actions.maintenance.prewarm import PREWARM
from console.actions.maintenance.refresh_views import REFRESH_VIEWS
from console.actions.maintenance.repack import REPACK_TABLE
from console.actions.maintenance.set_autovacuum import SET_AUTOVACUUM
from console.actions.maintenance.upkeep import ANALYZE_TABLE, REINDEX, VACUUM_TABLE
from console.actions.partitions.create_partitions import CREATE_PARTITIONS
from console.actions.partitions.partition_by_hash import PARTITION_BY_HASH
from console.actions.partitions.partition_table import PARTITION_TABLE
from console.actions.planning import Action
from console.actions.pooler.commands import (
    KILL_CLIENT,
    POOLER_DISABLE,
    POOLER_ENABLE,
    POOLER_KILL,
    POOLER_RECONNECT,
    WAIT_CLOSE,
)
from console.actions.pooler.pause import POOLER_PAUSE, POOLER_RESUME
from console.actions.pooler.reload import POOLER_RELOAD
from console.actions.pooler.write_pgbouncer_config import WRITE_PGBOUNCER_CONFIG
from console.actions.replication.drop_slot import DROP_SLOT
from console.actions.replication.resume_replay import RESUME_REPLAY
from console.actions.schema.apply_schema import APPLY_SCHEMA
from console.actions.schema.create_extensions import CREATE_EXTENSIONS
from console.actions.schema.create_roles import CREATE_ROLES
from console.actions.sessions.end_sessions import CANCEL_BACKEND, TERMINATE_BACKEND, TERMINATE_IDLE
from console.actions.sessions.rollback_prepared import ROLLBACK_PREPARED
from console.actions.statistics.reset_statements import RESET_STATEMENTS
from console.actions.trail.undo import UNDO
from console.actions.tuning.apply_tuning import APPLY_TUNING

ACTIONS: tuple[Action, ...] = (
    APPLY_SCHEMA,
    ADOPT_SCHEMA,
    APPLY_TUNING,
    APPLY_INDEXES,
    CREATE_PARTITIONS,
    PARTITION_TABLE,
    PARTITION_BY_HASH,
    REFRESH_VIEWS,
    ARCHIVE_ANALYTICS,
    RESTORE_ANALYTICS,
    EXPORT_ARCHIVE,
    CANCEL_BACKEND,
    TERMINATE_BACKEND,
    TERMINATE_IDLE,
    ROLLBACK_PREPARED,
    DROP_SLOT,
    RESUME_REPLAY,
    VACUUM_TABLE,
    ANALYZE_TABLE,
    SET_AUTOVACUUM,
    RESET_STATEMENTS,
    REINDEX,
    CREATE_INDEX,
    DROP_INDEX,
    REPAIR_INVALID_INDEXES,
    REPACK_TABLE,
    PREWARM,
    SCHEDULE_JOBS,
    RUN_JOB,
    RETRY_JOB,
    CANCEL_JOB,
    SAMPLE_CAPACITY,
    LOAD_TEST,
    CREATE_ROLES,
    CREATE_EXTENSIONS,
    WRITE_PGBOUNCER_CONFIG,
    POOLER_PAUSE,
    POOLER_RESUME,
    POOLER_RELOAD,
    POOLER_RECONNECT,
    WAIT_CLOSE,
    POOLER_DISABLE,
    POOLER_ENABLE,
    POOLER_KILL,
    KILL_CLIENT,
    INVALIDATE_BRAND,
    FLUSH_TENANT,
    DISTRIBUTE_TABLE,
    REBALANCE_CLUSTER,
    CANCEL_CLUSTER_JOB,
    UNDO,
)


def action(name: str) -> Action:
    """The action called `name`. Raises KeyError if there is none."""
    for candidate in ACTIONS:
        if candidate.name == name:
            return candidate
    raise KeyError(name)
