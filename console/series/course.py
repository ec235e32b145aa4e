"""The course of one series and its forecast, as rows: what a chart draws. Pure."""

from __future__ import annotations

from datetime import UTC, datetime

from console.model import Row, Snapshot
from console.records import dataclass
from console.series.days import DAY, SeriesName, days
from console.series.sampled import Sampled
from console.series.sampling import TABLE
from console.series.trend import Trend

COLUMNS = ("at", "value", "indexes", "toast", "partitions", "forecast", "low", "high")
PARTS = ("indexes", "toast", "partitions")  # measures of a table that are drawn besides its size
SHORTEST = 30  # days that are forecast at least
POINTS = 24  # of a forecast


@dataclass(frozen=True, slots=True)
class _Ahead:
    """A forecast for one time."""

    at: float  # seconds since 1970
    middle: float | None
    low: float
    high: float


def rows(kind: str, subject: str, history: Sampled, read: Snapshot) -> Snapshot:
    """A row for each day with samples, then those of the forecast: as far ahead as there are samples.

    `read` is the snapshot that the newest sample comes from. The forecast has no middle where the rate is not known.
    """
    name = SeriesName(kind, subject, "size" if kind == TABLE else "used")
    values = _by_day(name, history)
    parts = [_by_day(SeriesName(kind, subject, part), history) for part in PARTS]
    past: list[Row] = [
        (_date(day), values[day], *(part.get(day) for part in parts), None, None, None) for day in sorted(values)
    ]
    span = max(SHORTEST, max(values) - min(values)) if values else SHORTEST
    ahead: list[Row] = [
        (datetime.fromtimestamp(each.at, UTC), None, None, None, None, each.middle, each.low, each.high)
        for each in _forecast(name, history, span)
    ]
    return Snapshot(f"capacity_course {kind}", COLUMNS, (*past, *ahead), read.taken_at)


def _by_day(name: SeriesName, history: Sampled) -> dict[int, float]:
    return {day.number: day.value for day in days(history.samples.get(name, ()), history.now)}


def _forecast(name: SeriesName, history: Sampled, span: int) -> list[_Ahead]:
    found = history.trend(name)
    if not isinstance(found, Trend):
        return []
    steps = [span * step / POINTS for step in range(POINTS + 1)]
    return [
        _Ahead(
            history.now + ahead * DAY,
            max(0.0, found.level + found.per_day * ahead) if found.known else None,
            *(max(0.0, found.level + rate * ahead) for rate in (found.low, found.high)),
        )
        for ahead in steps
    ]


def _date(day: int) -> datetime:
    return datetime.fromtimestamp(day * DAY, UTC)
