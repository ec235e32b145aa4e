"""The course of a load test: transactions a second and latency, as bars over its time."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import pairwise
from statistics import mean

from textual.content import Content

from console.model import Snapshot
from console.reading.sparkline import sparkline
from console.tui.vitals import Metrics

NAMES = 16  # columns for name and highest value


def load_course(snapshot: Snapshot, width: int, height: int, metrics: Metrics) -> Content:
    """Bars for each second of the load test in the first row, a line for the rate and one for the latency."""
    del height, metrics
    series: list[list[float]] = next((json.loads(str(record["series"])) for record in snapshot.records()), [])
    if not series:
        return Content("")
    cells = max(1, min(width - NAMES - 16, len(series)))
    lines: list[tuple[str, str] | str] = []
    for name, place, unit in (("transactions/s", 1, "/s"), ("latency", 2, " ms")):
        values = [point[place] for point in series]
        lines.append((f"{name:<{NAMES}}", "$text-muted"))
        lines.append((sparkline(_means(values, cells), cells), "$accent"))
        lines.append(f"  max {max(values):.0f}{unit}\n")
    lines.append((f"{'':<{NAMES}}{series[0][0]:.0f} to {series[-1][0]:.0f} s", "$text-muted"))
    return Content.assemble(*lines)


def _means(values: Sequence[float], cells: int) -> list[float]:
    """The means of as many parts of `values` as there are cells."""
    edges = [at * len(values) // cells for at in range(cells + 1)]
    return [mean(values[start:end]) for start, end in pairwise(edges)]
