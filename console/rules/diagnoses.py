"""The rules that find root causes: this list drives the findings, `check`, `explain-rule`, doctor and their tests."""

from __future__ import annotations

from console.model import Diagnosis
from console.rules.findings import blocking, indexes

DIAGNOSES: tuple[Diagnosis, ...] = (
    blocking.BLOCKING_SESSION,
    indexes.INVALID_INDEX,
    indexes.REDUNDANT_INDEX,
    indexes.UNUSED_INDEX,
)
