"""Samples of sizes and of what is used of limits, in the store: hourly for two days, then the highest of each day.

What is kept is bounded: in samples of a series and in series of a target.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from console.series.days import DAY, Sample, SeriesName
from console.watching.store import Store

if TYPE_CHECKING:
    import sqlite3  # long to load, and not every command opens the store

PERIOD = 3600.0  # seconds between two samples
HOURLY = 2 * DAY  # seconds for which every sample is kept
RECENT = 30 * DAY  # seconds for which days are thinned out again
MOST_SAMPLES = 450  # of a series: those of two days, and one a day of more than a year
MOST_SERIES = 2_000  # of a target; those that were not sampled for longest are dropped


def keep(store: Store, target: str, readings: Mapping[SeriesName, float], now: float) -> bool:
    """Keep what was read at `now` (seconds since 1970), unless there is a sample of the last hour; whether it was kept.

    Raises Trouble if the store cannot be written.
    """
    with store.transaction() as database:
        if not _due(database, target, now):
            return False
        at = int(now)
        for name, value in readings.items():
            series = _series(database, target, name, at)
            database.execute("INSERT OR REPLACE INTO samples VALUES (?, ?, ?)", (series, at, value))
        _thin(database, target, at)
        _bound(database, target)
        return True


def is_due(store: Store, target: str, now: float) -> bool:
    """Whether there is no sample of the last hour. Raises Trouble if the store cannot be read."""
    if not store.exists:
        return True
    with store.transaction() as database:
        return _due(database, target, now)


def load(store: Store, target: str, since: float) -> dict[SeriesName, Sequence[Sample]]:
    """The samples of each series of a target since a time, oldest first. Raises Trouble if they cannot be read."""
    if not store.exists:
        return {}
    query = (
        "SELECT s.kind, s.subject, s.measure, p.at, p.value FROM series s JOIN samples p ON p.series = s.id"
        " WHERE s.target = ? AND p.at >= ? ORDER BY s.id, p.at"
    )
    found: dict[SeriesName, list[Sample]] = {}
    with store.transaction() as database:
        for kind, subject, measure, at, value in database.execute(query, (target, since)):
            found.setdefault(SeriesName(kind, subject, measure), []).append(Sample(at, value))
    return dict(found)


def _due(database: sqlite3.Connection, target: str, now: float) -> bool:
    query = "SELECT 1 FROM series WHERE target = ? AND sampled_at > ? AND sampled_at <= ? LIMIT 1"
    return database.execute(query, (target, now - PERIOD, now)).fetchone() is None


def _series(database: sqlite3.Connection, target: str, name: SeriesName, at: int) -> int:
    query = (
        "INSERT INTO series (target, kind, subject, measure, sampled_at) VALUES (?, ?, ?, ?, ?)"
        " ON CONFLICT (target, kind, subject, measure) DO UPDATE SET sampled_at = excluded.sampled_at RETURNING id"
    )
    (found,) = database.execute(query, (target, name.kind, name.subject, name.measure, at)).fetchone()
    return int(found)


def _thin(database: sqlite3.Connection, target: str, at: int) -> None:
    """Keep the highest value of each day that is over and older than two days."""
    database.execute(
        "DELETE FROM samples WHERE (series, at) IN (SELECT series, at FROM ("
        " SELECT p.series, p.at, row_number() OVER (PARTITION BY p.series, p.at / 86400 ORDER BY p.value DESC, p.at) n"
        "   FROM samples p JOIN series s ON s.id = p.series"
        "  WHERE s.target = ? AND p.at < ? AND p.at >= ?) WHERE n > 1)",
        (target, (at - HOURLY) // DAY * DAY, at - HOURLY - RECENT),
    )


def _bound(database: sqlite3.Connection, target: str) -> None:
    """Drop the oldest samples of each series, and the series beyond the limit: by number, as a clock may be wrong."""
    database.execute(
        "DELETE FROM samples WHERE (series, at) IN (SELECT series, at FROM ("
        " SELECT p.series, p.at, row_number() OVER (PARTITION BY p.series ORDER BY p.at DESC) n"
        "   FROM samples p JOIN series s ON s.id = p.series WHERE s.target = ?) WHERE n > ?)",
        (target, MOST_SAMPLES),
    )
    dropped = "SELECT id FROM series WHERE target = ? ORDER BY sampled_at DESC, id LIMIT -1 OFFSET ?"
    database.execute(f"DELETE FROM samples WHERE series IN ({dropped})", (target, MOST_SERIES))  # noqa: S608  a constant
    database.execute(f"DELETE FROM series WHERE id IN ({dropped})", (target, MOST_SERIES))  # noqa: S608
