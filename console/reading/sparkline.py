"""Small bars for the last values of a metric. Pure."""

from __future__ import annotations

from collections.abc import Sequence

BARS = "▁▂▃▄▅▆▇█"


def sparkline(values: Sequence[float | None], width: int) -> str:
    """The last `width` values as bars from 0 to the largest of them; a blank for a missing value."""
    shown = list(values)[-width:]
    top = max((value for value in shown if value is not None), default=0.0)
    bars = [" " if value is None else BARS[step(value, top)] for value in shown]
    return "".join(bars).rjust(width)


def step(value: float, top: float) -> int:
    """Which of the BARS is as high as `value` of `top`."""
    return 0 if top <= 0 else max(0, min(len(BARS) - 1, round(value / top * (len(BARS) - 1))))
