"""Rows of the view Parts: single partitions, indexes and TOAST tables, and how fast each grows. Pure."""

from __future__ import annotations

from dataclasses import replace

from console.model import Row, Snapshot
from console.series.days import SeriesName
from console.series.growth import a_day, a_month, band_text, growth_note
from console.series.sampled import Sampled

COLUMNS = ("kind", "part", "size", "month", "band", "of", "day", "note", "days", "series")


def rows(parts: Snapshot, history: Sampled) -> Snapshot:
    """A row for each of capacity_parts."""
    found = tuple(
        _part(record["kind"], record["subject"], record["used"], record["of"], history) for record in parts.records()
    )
    return replace(parts, name="capacity_part_growth", columns=COLUMNS, rows=found)


def _part(kind: object, subject: object, used: object, of: object, history: Sampled) -> Row:
    found = history.trend(SeriesName(str(kind), str(subject), "used"))
    head = (kind, subject, used, a_month(found), band_text(found), of)
    return (*head, a_day(found), growth_note(found), found.days, subject)
