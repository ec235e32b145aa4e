"""Filter and order: which rows of a snapshot are shown, and in which order. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime

from console.model import Row, Snapshot, View
from console.reading.filtering import filter_tests
from console.reading.reader import only


def arrange(snapshot: Snapshot, view: View, sort: str = "", filter_text: str = "") -> Snapshot:
    """The rows of `view` that match `filter_text`, ordered by `sort` (a column, "-" in front for descending).

    Raises Trouble(USAGE) if the filter names an unknown column or compares it with what it cannot be compared with.
    """
    chosen = _completed(only(snapshot, view), view)
    if tests := filter_tests(chosen, view, filter_text):
        chosen = replace(chosen, rows=tuple(row for row in chosen.rows if all(test(row) for test in tests)))
    name = sort.removeprefix("-")
    if not name or name not in chosen.columns:
        return chosen
    return replace(chosen, rows=tuple(sort_rows(chosen.rows, chosen.index(name), descending=sort.startswith("-"))))


def _completed(snapshot: Snapshot, view: View) -> Snapshot:
    """`snapshot` with all columns of the view: an earlier version of the console kept readings without some of them."""
    missing = tuple(column.name for column in view.columns if column.name not in snapshot.columns)
    if not missing or not snapshot.columns:
        return snapshot
    completed = snapshot.with_columns(missing, [(None,) * len(missing)] * len(snapshot.rows))
    return replace(completed, unknown=(*snapshot.unknown, *missing))


def sort_rows(rows: Sequence[Row], at: int, descending: bool) -> list[Row]:
    """Rows by the value at position `at`; rows without one come last whatever the direction."""
    present = [row for row in rows if row[at] is not None]
    absent = [row for row in rows if row[at] is None]
    present.sort(key=lambda row: sort_key(row[at]), reverse=descending)
    return present + absent


def sort_key(value: object) -> tuple[int, object]:
    """Numbers by size, times by time, all else by its text without case; kinds are never compared."""
    if isinstance(value, int | float):
        return (0, float(value))
    if isinstance(value, datetime):
        return (1, value.timestamp())
    if isinstance(value, date):
        return (1, float(value.toordinal()) * 86400)
    if isinstance(value, list | tuple):
        return (2, len(value))
    number = getattr(value, "total_seconds", None)
    return (0, number()) if number else (3, str(value).casefold())
