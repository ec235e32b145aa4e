"""Drawings in text: sparklines, the time line of partitions, the history of activity."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from textual.content import Content

from console.model import Snapshot

BARS = "▁▂▃▄▅▆▇█"

Drawing = Callable[[Snapshot, int, int], Content]


def sparkline(values: Sequence[float | None], width: int) -> str:
    """The last `width` values as bars from 0 to the largest of them; a blank where there is none."""
    shown = list(values)[-width:]
    top = max((value for value in shown if value is not None), default=0.0)
    bars = [" " if value is None else BARS[_step(value, top)] for value in shown]
    return "".join(bars).rjust(width)


def _step(value: float, top: float) -> int:
    return 0 if top <= 0 else max(0, min(len(BARS) - 1, round(value / top * (len(BARS) - 1))))


def history(
    title: str, curves: Sequence[tuple[str, str, Sequence[float | None]]], since: str, width: int, height: int
) -> str:
    """Curves (label, colour, values) over time, from `since` (a text) until now, as text with ANSI colours."""
    import plotext  # noqa: PLC0415  slow to import, and only a large terminal draws it

    figure = plotext.figure
    figure.clear()
    figure.theme("colorless")
    figure.plot_size(width, height)
    figure.title(title)
    top = max((value or 0.0 for _, _, values in curves for value in values), default=0.0)
    span = max(2, *(len(values) for _, _, values in curves))
    figure.ruler("y").lim(0, max(4.0, top))
    figure.ruler("x").lim(1 - span, 0)
    figure.ruler("x").ticks([1 - span, 0], [since, "now"])
    for label, colour, values in curves:
        known = [(at - len(values) + 1, value) for at, value in enumerate(values) if value is not None]
        if len(known) > 1:
            marker = plotext.marker("braille", pixel=colour)
            curve = figure.signal([at for at, _ in known], [value for _, value in known], marker=marker)
            curve.label(label)
            curve.lines(True)
            figure.draw(curve)
    return str(figure.build())


CHARTS: Mapping[str, Drawing] = {}
