"""Courses of the rows of a view as a block of text that can be pasted into a ticket. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from console.format import cells, count, one_line, size
from console.model import Record, Snapshot, number
from console.reading.sparkline import BARS, step
from console.records import dataclass

MOST_CHARTS = 10
WIDTH = 40  # cells of what was sampled, and half of that for the forecast
NAME = 30


@dataclass(frozen=True, slots=True)
class RowCourse:
    """What was sampled of one row, and its forecast: rows with `at`, `value` and `forecast`."""

    name: str
    is_size: bool
    taken: Snapshot


def chart(courses: Sequence[RowCourse]) -> list[str]:
    """A fenced block with a line for each course that has two days of samples; empty if none has."""
    lines = [line for course in courses if (line := _line(course))]
    if not lines:
        return []
    head = "Bars from the lowest to the highest value of the line; after the bar │ the forecast."
    return ["```text", head, "", *lines, "```"]


def _line(course: RowCourse) -> str:
    records = list(course.taken.records())
    past = [record for record in records if record["value"] is not None]
    ahead = [record for record in records if record["forecast"] is not None]
    if len(past) < 2:
        return ""
    values, forecast = _cells(past, "value", WIDTH), _cells(ahead, "forecast", WIDTH // 2)
    known = [value for value in (*values, *forecast) if value is not None]
    low, high = min(known), max(known)
    bars = "".join(_bar(value, low, high) for value in values)
    more = f"│{''.join(_bar(value, low, high) for value in forecast)}" if forecast else ""
    ends = [_end(past[0], "value", course), _end(past[-1], "value", course)]
    ends += [_end(ahead[-1], "forecast", course)] if ahead else []
    return f"{_name(course.name)} {bars}{more:<{WIDTH // 2 + 1}}  {' -> '.join(ends)}"


def _name(text: str) -> str:
    """NAME cells wide, without what differs least: the middle. No backquote can end the block."""
    name = one_line(text).replace("`", "'")
    while cells(name) > NAME:
        name = f"{name[: len(name) // 2 - 1]}…{name[len(name) // 2 + 1 :]}".replace("……", "…")
    return name + " " * (NAME - cells(name))


def _cells(records: Sequence[Record], column: str, width: int) -> list[float | None]:
    """The largest value of each cell, over equal times; None where nothing was read."""
    times = [at.timestamp() for record in records if isinstance(at := record["at"], datetime)]
    if not times:
        return []
    first, span = times[0], max(1.0, times[-1] - times[0])
    found: list[float | None] = [None] * width
    for at, record in zip(times, records, strict=True):
        place, value = min(width - 1, int((at - first) / span * width)), number(record[column])
        known = found[place]
        found[place] = value if known is None else max(value, known)
    return found


def _bar(value: float | None, low: float, high: float) -> str:
    if value is None:
        return " "
    return BARS[step(value - low, high - low)]


def _end(record: Record, column: str, course: RowCourse) -> str:
    at, value = record["at"], number(record[column])
    return f"{size(value) if course.is_size else count(value)} {at:%Y-%m-%d}"
