"""The actions, as data: this list drives keys, palette, command line, documentation and the smoke tests."""

from __future__ import annotations

from console.actions.adopt_schema import ADOPT_SCHEMA
from console.actions.apply_indexes import APPLY_INDEXES
from console.actions.apply_schema import APPLY_SCHEMA
from console.actions.apply_tuning import APPLY_TUNING
from console.actions.archive_analytics import ARCHIVE_ANALYTICS
from console.actions.care import ANALYZE_TABLE, REINDEX, VACUUM_TABLE
from console.actions.create_extensions import CREATE_EXTENSIONS
from console.actions.create_partitions import CREATE_PARTITIONS
from console.actions.create_roles import CREATE_ROLES
from console.actions.export_archive import EXPORT_ARCHIVE
from console.actions.indexes import DROP_INDEX, REPAIR_INVALID_INDEXES
from console.actions.partition_by_hash import PARTITION_BY_HASH
from console.actions.partition_table import PARTITION_TABLE
from console.actions.planning import Action
from console.actions.refresh_views import REFRESH_VIEWS
from console.actions.repack import REPACK_TABLE
from console.actions.restore_analytics import RESTORE_ANALYTICS
from console.actions.sessions import CANCEL_BACKEND, TERMINATE_BACKEND, TERMINATE_IDLE
from console.actions.undo import UNDO
from console.actions.write_pgbouncer_config import WRITE_PGBOUNCER_CONFIG

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
    VACUUM_TABLE,
    ANALYZE_TABLE,
    REINDEX,
    DROP_INDEX,
    REPAIR_INVALID_INDEXES,
    REPACK_TABLE,
    CREATE_ROLES,
    CREATE_EXTENSIONS,
    WRITE_PGBOUNCER_CONFIG,
    UNDO,
)


def action(name: str) -> Action:
    """The action called `name`; KeyError when there is none."""
    for candidate in ACTIONS:
        if candidate.name == name:
            return candidate
    raise KeyError(name)
