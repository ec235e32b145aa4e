"""The course of the host: CPU, memory and I/O wait as bars over the time of day."""

from __future__ import annotations

import json
from collections.abc import Sequence

from textual.content import Content

from console.model import Snapshot
from console.reading.sparkline import BARS, step
from console.tui.course import axis, buckets, span
from console.tui.vitals import Metrics

NAMES = ("CPU", "memory", "I/O wait")


def host_course(snapshot: Snapshot, width: int, height: int, metrics: Metrics) -> Content:
    """A line for each share with its last value, the times below; empty before the third reading."""
    del height, metrics
    points: list[list[float]] = next(
        (json.loads(str(record["course"])) for record in snapshot.records() if record.get("course")), []
    )
    if len(points) < 2:
        return Content("")
    times = [float(point[0]) for point in points]
    widest = max(map(len, NAMES))
    cells = max(10, width - widest - 7)
    parts: list[tuple[str, str] | str] = []
    for at, name in enumerate(NAMES, 1):
        values = [point[at] for point in points]
        last = f"{values[-1]:.0f}%"
        parts += [(f"{name:<{widest}} ", "$text-muted"), (f"{last:>5} ", "bold")]
        parts += [(_bars(buckets(times, values, cells)), "$accent"), "\n"]
    parts.append((f"{'UTC':>{widest + 6}} {axis(*span(times), cells)}", "$text-muted"))
    return Content.assemble(*parts)


def _bars(shares: Sequence[float | None]) -> str:
    """Bars from 0 to 100 %; a blank where nothing was read."""
    return "".join(" " if share is None else BARS[step(share, 100.0)] for share in shares)
