"""When the WAL that slots and the archiver keep reaches its limit: that of a slot, or the room of its disk. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from console.format import one_line, size
from console.model import Record, Row, number
from console.series.days import SeriesName
from console.series.exhaustion import Exhaustion, Outlook, band, exhaustion, when
from console.series.sampled import Sampled
from console.series.trend import TooFew

WRITTEN = SeriesName("wal", "WAL written", "used")
PLACES = ("pg_wal", "data directory")  # where the WAL is, the first that is known
LOST = "then the slot is lost"
STOPS = "then the server stops"
NOTHING: Row = (
    *("WAL that is kept", None, None, None, "does not grow", None),
    *("no slot keeps WAL and no archiver fails: it is recycled", "wal", "never", None, None, None, None, "WAL written"),
)


def rows(keepers: Iterable[Record], places: Sequence[Record], history: Sampled) -> list[Row]:
    """A row for each keeper of WAL, or one that says that there is none."""
    free = next((number(each["free"]) for name in PLACES for each in places if _holds(each, name)), None)
    return [_row(keeper, free, history) for keeper in keepers] or [NOTHING]


def _holds(place: Record, name: str) -> bool:
    return place["what"] == name and place["free"] is not None


def _row(keeper: Record, free: float | None, history: Sampled) -> Row:
    kind, name, used = str(keeper["kind"]), str(keeper["subject"]), number(keeper["used"])
    limit, then = _limit(keeper, used, free)
    found = _outlook(keeper, used, limit, history)
    what = f"WAL kept by slot {one_line(name)}" if kind == "slot" else "WAL kept by the failing archiver"
    share = 100 * used / limit if limit else None
    shown = "cannot tell: disk unknown" if limit is None else when(found)
    note = f"{size(used)} of {size(limit)}, {then}" if limit is not None else f"{size(used)}; {then}"
    if not keeper["active"]:
        note += "; all WAL is kept until it is used" if kind == "slot" else "; all WAL is kept"
    dates = (found.at, found.earliest, found.latest)
    head = (what, used, limit, share, shown, band(found) if limit is not None else None)
    return (*head, note, kind, found.outlook.value, *dates, found.days or None, name)


def _limit(keeper: Record, used: float, free: float | None) -> tuple[float | None, str]:
    """How much it may keep, and what happens then: the disk may be full before a slot is lost."""
    most, room = keeper["limit"], None if free is None else used + free
    if isinstance(most, int | float) and (room is None or most <= room):
        return float(most), LOST
    return room, STOPS


def _outlook(keeper: Record, used: float, limit: float | None, history: Sampled) -> Exhaustion:
    """An active slot grows as its own samples do; what is not used, by all the WAL that is written."""
    name = SeriesName(str(keeper["kind"]), str(keeper["subject"]), "used")
    trend = history.trend(name if keeper["active"] else WRITTEN)
    if limit is None:
        return Exhaustion(Outlook.UNKNOWN, days=trend.days)
    return exhaustion(trend if isinstance(trend, TooFew) else replace(trend, level=used), limit, history.now)
