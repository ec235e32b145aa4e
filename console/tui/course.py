"""The course of metrics over time, with the times of day in UTC below it. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from math import ceil

from textual.content import Content

from console.format import count
from console.model import Snapshot
from console.reading.sparkline import sparkline
from console.records import dataclass
from console.tui.vitals import Metrics

STEPS = (5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600)  # seconds between two labels of the time
SHORTEST = 60.0  # seconds that are shown from the start
APART = 11  # cells between two labels


@dataclass(frozen=True, slots=True)
class Course:
    """A metric whose course is drawn."""

    name: str
    label: str
    colour: str  # of its curve, of the sixteen


COURSES = (
    Course("active", "active", "cyan"),
    Course("waiting", "waiting for locks", "magenta"),
    Course("idle_in_transaction", "idle in transaction", "blue"),
)


def span(times: Sequence[float]) -> tuple[float, float]:
    """From when to when is shown."""
    return min(times[0], times[-1] - SHORTEST), times[-1]


def ticks(start: float, end: float, most: int) -> list[tuple[float, str]]:
    """At most about `most` round times between `start` and `end`, with their texts in UTC."""
    whole = ceil((end - start) / most / STEPS[-1]) * STEPS[-1]  # some hours
    step = next((step for step in STEPS if (end - start) / step <= most), whole)
    form = "%H:%M:%S" if step < 60 else "%H:%M"
    first = ceil(start / step)
    times = [at * step for at in range(first, int(end / step) + 1)]
    return [(float(at), datetime.fromtimestamp(at, UTC).strftime(form)) for at in times]


def axis(start: float, end: float, width: int) -> str:
    """A line of `width` cells with the times at their places."""
    line = ""
    for at, label in ticks(start, end, max(1, width // APART)):
        x = int((at - start) / (end - start) * width)
        if x >= len(line) + bool(line) and x + len(label) <= width:
            line = line.ljust(x) + label
    return line.ljust(width)


def buckets(times: Sequence[float], values: Sequence[float | None], width: int) -> list[float | None]:
    """The largest value in each of `width` stretches of time; None where nothing was read."""
    start, end = span(times)
    found: list[float | None] = [None] * width
    for at, value in zip(times, values, strict=False):
        if value is not None and start <= at <= end:
            cell = min(width - 1, int((at - start) / (end - start) * width))
            found[cell] = max(value, known) if (known := found[cell]) is not None else value
    return found


def activity(snapshot: Snapshot, width: int, height: int, metrics: Metrics) -> Content:
    """A line for each course with its last value, and the times below; empty before the second reading."""
    del snapshot, height
    return _lines(COURSES, width, metrics)


def pool_waits(snapshot: Snapshot, width: int, height: int, metrics: Metrics) -> Content:
    """How many clients of poolers waited for a server connection over time; empty before the second reading."""
    del snapshot, height
    return _lines((Course("pool_waiting", "waiting for a server", "yellow"),), width, metrics)


def _lines(courses: Sequence[Course], width: int, metrics: Metrics) -> Content:
    times = list(metrics.times)
    if len(times) < 2:
        return Content("")
    names = max(len(course.label) for course in courses)
    cells = max(10, width - names - 6)
    parts: list[tuple[str, str] | str] = []
    for course in courses:
        values = list(metrics.history.get(course.name, ()))
        last = values[-1] if values else None
        parts += [
            (f"{course.label:<{names}} ", "$text-muted"),
            (f"{count(last) if last is not None else '':>4} ", "bold"),
        ]
        parts += [(sparkline(buckets(times, values, cells), cells), "$accent"), "\n"]
    parts.append((f"{'UTC':>{names + 5}} {axis(*span(times), cells)}", "$text-muted"))
    return Content.assemble(*parts)
