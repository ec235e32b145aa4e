"""Drawings in text: the time line of partitions, the history of activity, and those of other modules by name."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime

from rich.text import Text
from textual.content import Content

from console.format import one_line
from console.model import Level, Snapshot
from console.panes.partitions import Segment, Timeline, timeline
from console.reading.sparkline import BARS, step
from console.tui.capacity_chart import capacity_course
from console.tui.course import APART, COURSES, activity, pool_waits, span, ticks
from console.tui.host_chart import host_course
from console.tui.load_chart import load_course
from console.tui.loading import CURVES
from console.tui.pieces import assembled
from console.tui.stacked import connection_states
from console.tui.vitals import Metrics
from console.tui.wait_chart import wait_course

MOST_LINES = 6  # numbers at the side of the curves, about

Drawing = Callable[[Snapshot, int, int, Metrics], Content]  # rows, width, height, metrics of the header


def history(metrics: Metrics, width: int, height: int) -> Text:
    """The courses of the metrics as curves over the time of day in UTC, under a line that names them."""
    from console.tui.plotting import plotext  # noqa: PLC0415  slow to import, and only a large terminal draws it

    times, courses = list(metrics.times), [(course, metrics.history.get(course.name, ())) for course in COURSES]
    start, end = span(times)
    figure = plotext.figure
    figure.clear()
    figure.theme("colorless")
    figure.plot_size(width, height - 1)
    top = max([4.0, *(value or 0.0 for _, values in courses for value in values)])
    figure.ruler("y").lim(0, top)
    whole = range(0, int(top) + 1, -(-int(top) // MOST_LINES))  # there are no fractions of sessions
    figure.ruler("y").ticks(list(whole), [str(value) for value in whole])
    figure.ruler("x").lim(start - end, 0)
    labels = [(at - end, label) for at, label in ticks(start, end, width // APART)]
    figure.ruler("x").ticks([at for at, _ in labels], [label for _, label in labels])
    for course, values in courses:
        known = _bends([(at - end, value) for at, value in zip(times, values, strict=False) if value is not None])
        if len(known) > 1:
            marker = plotext.marker("braille", pixel=course.colour)
            signal = figure.signal([at for at, _ in known], [value for _, value in known], marker=marker)
            signal.lines(True)
            figure.draw(signal)
    named = [part for course, _ in courses for part in ((" ⣿ ", course.colour), f"{course.label}  ")]
    return Text.assemble(*named, (" UTC", "dim"), "\n", Text.from_ansi(str(figure.build())))


def _bends(points: Sequence[tuple[float, float]]) -> Sequence[tuple[float, float]]:
    """`points` of a curve without those between two of the same value: plotext takes its time for each."""
    values = [value for _, value in points]
    around = zip(points[1:-1], values, values[2:], strict=False)
    inside = (point for point, before, after in around if not before == point[1] == after)
    return [*points[:1], *inside, *points[1:][-1:]]


def timelines(snapshot: Snapshot, width: int, height: int, metrics: Metrics) -> Content:
    """A line for each parent: bars for the rows of its partitions, ░ still empty, ╳ missing, ┃ now."""
    del metrics
    known = sorted(timeline(snapshot), key=lambda line: line.runway if line.runway is not None else 1e9)[: height - 1]
    edges = [edge for line in known for part in line.segments for edge in (part.start, part.end) if edge is not None]
    if not edges:
        return Content("")
    names = min(26, max(len(_short(line.parent)) for line in known))
    cells = max(10, width - names - 10)
    start, end = min(*edges, known[0].now), max(*edges, known[0].now)
    step = (end - start) / cells
    parts: list[tuple[str, str]] = []
    for line in known:
        parts.append((f"{_cut(_short(line.parent), names):<{names}} ", "$text-muted"))
        parts += _bar(line, [start + (at + 0.5) * step for at in range(cells)], step)
        past = all(part.kind in {"past", "gap"} for part in line.segments)
        runway = f"{line.runway:.0f} d" if line.runway is not None else "ended" if past else "no end"
        worst = line.level >= Level.WARNING
        parts.append((f" {runway:>7}\n", "bold $text-warning" if worst else "bold"))
    return assembled((*parts, _axis(names + 1, start, end, cells)))


def _bar(line: Timeline, middles: Sequence[float], step: float) -> list[tuple[str, str]]:
    most = max((part.rows for part in line.segments), default=0.0)
    cells = [_cell(part, most) for part in _parts_at(line, middles)]
    now = next((at for at, middle in enumerate(middles) if abs(middle - line.now) <= step / 2), None)
    if now is not None:
        cells[now] = ("┃", "bold $accent")
    return cells


def _parts_at(line: Timeline, times: Sequence[float]) -> Iterator[Segment | None]:
    """The partition or gap at each of the `times`, which ascend, as the segments do."""
    parts = [part for part in line.segments if part.kind != "default"]
    at = 0
    for time in times:
        while at < len(parts) and (parts[at].end or 1e18) <= time:
            at += 1
        yield parts[at] if at < len(parts) and (parts[at].start or -1e18) <= time else None


def _cell(part: Segment | None, most: float) -> tuple[str, str]:
    if part is None:
        return (" ", "")
    if part.kind == "gap":
        return ("╳", "bold $text-error")
    if part.kind == "future" or part.rows <= 0:
        return ("░", "$text-muted")
    return (BARS[step(part.rows, most)], "")


def _axis(indent: int, start: float, end: float, cells: int) -> tuple[str, str]:
    first, last = (datetime.fromtimestamp(edge, UTC).strftime("%Y-%m") for edge in (start, end))
    return (" " * indent + first + " " * max(1, cells - len(first) - len(last)) + last, "$text-muted")


def _short(parent: str) -> str:
    return one_line(parent.removeprefix("public."))


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"


def _log_course(snapshot: Snapshot, width: int, height: int, metrics: Metrics) -> Content:
    from console.tui.log_chart import log_course  # noqa: PLC0415  one view draws it

    return log_course(snapshot, width, height, metrics)


# The modules of a chart that are loaded when it is first drawn.
DRAWN_BY: Mapping[str, Sequence[str]] = {"capacity": CURVES, "log-errors": ("console.tui.log_chart",)}
CHARTS: Mapping[str, Drawing] = {
    "timeline": timelines,
    "connections": connection_states,
    "activity": activity,
    "load": load_course,
    "pool-waits": pool_waits,
    "waits": wait_course,
    "host": host_course,
    "capacity": capacity_course,
    "log-errors": _log_course,
}
