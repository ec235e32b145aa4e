"""The rules that find root causes: this list drives the findings, `check`, `explain-rule`, doctor and their tests."""

from __future__ import annotations

from console.model import Diagnosis
from console.rules.findings import blocking, held, indexes

DIAGNOSES: tuple[Diagnosis, ...] = (
    blocking.BLOCKING_SESSION,
    held.VACUUM_PINNED,
    held.IDLE_IN_TRANSACTION,
    held.PREPARED_TRANSACTION,
    indexes.INVALID_INDEX,
    indexes.REDUNDANT_INDEX,
    indexes.UNUSED_INDEX,
)
