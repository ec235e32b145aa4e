"""The history of findings as it was at a moment: as read last until then, which holds while nothing changes."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from console.model import Record, Row, Snapshot
from console.past.readings import PastReadings
from console.past.segment import Stream
from console.sources.registry import RULES

KEPT = Stream(RULES, "finding_history")


def history_then(readings: PastReadings, moment: float) -> Snapshot | None:
    """The rows of the history at a moment; None: it was not read before."""
    found = readings.at(KEPT, moment)
    if found is None or not isinstance(found.answer, Snapshot):
        return None
    now = datetime.fromtimestamp(moment, UTC)
    rows = tuple(_row(record, now) for record in found.answer.records())
    return replace(found.answer, rows=rows)


def _row(record: Record, now: datetime) -> Row:
    """An episode, which lasts until then if it had not ended."""
    began = record["began"]
    if record["ended"] is None and isinstance(began, datetime):
        record = {**record, "lasted": max(0.0, (now - began).total_seconds())}
    return tuple(record.values())
