"""The rules that find root causes: this list drives the findings, `check`, `explain-rule`, doctor and their tests."""

from __future__ import annotations

from console.model import Diagnosis
from console.rules.findings import (
    activity,
    blocking,
    connections,
    held,
    indexes,
    replication,
    running_out,
    schema,
    server,
    settings,
    tables,
    views,
    wal,
)

DIAGNOSES: tuple[Diagnosis, ...] = (
    blocking.BLOCKING_SESSION,
    connections.CONNECTIONS_FULL,
    held.VACUUM_PINNED,
    wal.WAL_RETAINED,
    held.IDLE_IN_TRANSACTION,
    held.PREPARED_TRANSACTION,
    running_out.WRAPAROUND_NEAR,
    running_out.SEQUENCE_END,
    replication.REPLICATION_LAG,
    activity.RUNAWAY_STATEMENT,
    activity.DEADLOCK,
    activity.TEMPORARY_FILES,
    activity.REQUESTED,
    indexes.INVALID_INDEX,
    indexes.REDUNDANT_INDEX,
    indexes.UNUSED_INDEX,
    tables.VACUUM_OVERDUE,
    tables.AUTOVACUUM_DISABLED,
    tables.BLOAT,
    tables.PARENT_NOT_ANALYZED,
    settings.RESTART_WOULD_FAIL,
    settings.RESTART_PENDING,
    settings.SETTINGS_FILE_ERROR,
    views.VIEW_STALE,
    schema.SCHEMA_DRIFT,
    server.CHECKSUM_FAILURE,
    server.END_OF_LIFE_VERSION,
    server.EXTENSION_VERSION,
    server.MD5_PASSWORD,
)
