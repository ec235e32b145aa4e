"""The course of what is sampled, with its forecast, as curves over dates."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from math import ceil, log10
from typing import Any

from rich.text import Text
from textual.content import Content

from console.format import count, size
from console.model import Record, Snapshot, number
from console.series.sampling import BYTES, TABLE
from console.tui.vitals import Metrics

CURVES = (  # column of the rows, its label, the colour of its curve
    ("value", "used", "cyan"),
    ("indexes", "indexes", "blue"),
    ("toast", "TOAST", "magenta"),
    ("low", "", "white"),
    ("high", "95 % band", "white"),
    ("forecast", "forecast", "green"),
)
DASHED = frozenset({"forecast", "low", "high"})
FEWEST = 2  # days with samples that make a curve
APART = 14  # cells between two dates
LINES_APART = 3  # lines between two numbers at the side


def capacity_course(snapshot: Snapshot, width: int, height: int, metrics: Metrics) -> Content:
    """Curves of what is used, its parts and its forecast; empty with less than two days of samples."""
    del metrics
    records = list(snapshot.records())
    if sum(record["value"] is not None for record in records) < FEWEST:
        return Content("")
    kind = str(snapshot.name.partition(" ")[2])
    drawn = [curve for curve in CURVES if len(_points(records, curve[0])) > 1]
    plot = Text.from_ansi(_plotted(records, drawn, width, height - 1, is_size=kind in BYTES))
    plot.rstrip()
    size_of = {"used": "size"} if kind == TABLE else {}
    named = [(f" ⣿ {size_of.get(label, label)} ", colour) for _, label, colour in drawn if label]
    legend = Text.assemble(*named, (_partitions(records), "dim"))
    return Content.from_rich_text(Text.assemble(legend, "\n", plot))


def _plotted(
    records: Sequence[Record], drawn: Sequence[tuple[str, str, str]], width: int, height: int, *, is_size: bool
) -> str:
    from console.tui.plotting import plotext  # noqa: PLC0415  slow to import, and only this chart and a large terminal draw it

    plotext.terminal.limit(width=False, height=False)  # the room is known better here
    figure = plotext.figure
    figure.clear()
    figure.theme("colorless")
    figure.plot_size(width, height)
    figure.axes(False)  # their lines are few and belong to the curves
    points = {column: _points(records, column) for column, _, _ in drawn}
    times = [at for each in points.values() for at, _ in each]
    top = max(1.0, *(value for each in points.values() for _, value in each))
    marks = _marks(top, max(2, height // LINES_APART), 1024 if is_size else 1000)
    figure.ruler("y").lim(0, max(top, marks[-1]))
    figure.ruler("y").ticks(marks, [size(mark) if is_size else count(mark) for mark in marks])
    figure.ruler("x").lim(min(times), max(times))
    dates = _dates(min(times), max(times), max(2, width // APART))
    figure.ruler("x").ticks(dates, [f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d}" for at in dates])
    for column, _, colour in drawn:
        _draw(figure, plotext.marker("braille", pixel=colour), points[column], is_line=column not in DASHED)
    return str(figure.build())


def _draw(figure: Any, marker: Any, points: Sequence[tuple[float, float]], *, is_line: bool) -> None:
    signal = figure.signal([at for at, _ in points], [value for _, value in points], marker=marker)
    signal.lines(is_line)
    figure.draw(signal)


def _points(records: Sequence[Record], column: str) -> list[tuple[float, float]]:
    return [
        (at.timestamp(), number(record[column]))
        for record in records
        if isinstance(at := record["at"], datetime) and record[column] is not None
    ]


def _marks(top: float, most: int, base: int) -> list[float]:
    """At most `most` round numbers above zero, and zero."""
    unit = float(base ** int(max(0.0, log10(top) / log10(base))))
    rough = top / unit / most
    scale = 10.0 ** ceil(log10(rough) - 1)
    step = max(scale * factor for factor in (0.5, 1, 2, 5, 10) if scale * factor <= rough * most / (most - 1)) * unit
    return [step * at for at in range(int(top / step) + 1)]


def _dates(start: float, end: float, most: int) -> list[float]:
    return [start + (end - start) * at / (most - 1) for at in range(most)]


def _partitions(records: Sequence[Record]) -> str:
    """How many partitions there were first and are last; empty: there are none."""
    known = [number(record["partitions"]) for record in records if record["partitions"] is not None]
    return f" partitions: {known[0]:.0f} to {known[-1]:.0f}" if known and known[-1] else ""
