"""What a call of each statement took in each hour, in the store: for eight days, the statements that took most.

A console adds what was counted since its last reading. Two that watch one target both add it, which leaves the means.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from itertools import takewhile
from statistics import median

from console.records import dataclass
from console.series.slowdown import Spent
from console.watching.store import Store

HOUR = 3600
HOURS_A_DAY = 24
DAYS = 7  # before today whose same hour is compared
KEPT = (DAYS + 1) * HOURS_A_DAY  # hours
MOST = 200  # statements of an hour
CALLS = 50.0  # in an hour, from which its mean says something
RATIO = 2.0  # of the mean of an hour and the same one of other days, from which it is slower

StatementId = tuple[int, int, int, bool]  # queryid, userid, dbid, toplevel
HoursOfStatement = Mapping[int, Spent]  # by hours since 1970


@dataclass(frozen=True, slots=True)
class OtherDays:
    """What a call usually takes in an hour of the day."""

    mean: float  # milliseconds, the median of the days
    days: int


def keep(store: Store, target: str, now: float, spent: Mapping[StatementId, Spent]) -> None:
    """Add what was counted shortly before `now`, in seconds since 1970. Raises Trouble if it cannot be written."""
    hour = int(now) // HOUR
    add = (
        "INSERT INTO statement_hours VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
        " ON CONFLICT DO UPDATE SET calls = calls + excluded.calls, ms = ms + excluded.ms"
    )
    most = sorted(spent.items(), key=lambda each: -each[1].ms)[:MOST]
    with store.transaction() as database:
        database.executemany(add, [(target, hour, *key, each.calls, each.ms) for key, each in most])
        # Both by number, as a clock may be wrong: the statements of this hour, and the hours of the target.
        database.execute(
            "DELETE FROM statement_hours WHERE target = ?1 AND hour = ?2 AND (queryid, userid, dbid, toplevel) IN ("
            "SELECT queryid, userid, dbid, toplevel FROM statement_hours WHERE target = ?1 AND hour = ?2"
            " ORDER BY ms DESC LIMIT -1 OFFSET ?3)",
            (target, hour, MOST),
        )
        database.execute(
            "DELETE FROM statement_hours WHERE target = ?1 AND hour IN (SELECT DISTINCT hour FROM statement_hours"
            " WHERE target = ?1 ORDER BY hour DESC LIMIT -1 OFFSET ?2)",
            (target, KEPT),
        )


def load(store: Store, target: str, now: float) -> dict[StatementId, dict[int, Spent]]:
    """What is known of each statement, by hour, without the present hour. Raises Trouble if it cannot be read."""
    found: dict[StatementId, dict[int, Spent]] = defaultdict(dict)
    if not store.exists:
        return found
    query = (
        "SELECT hour, queryid, userid, dbid, toplevel, calls, ms FROM statement_hours"
        " WHERE target = ? AND hour >= ? AND hour < ? AND calls >= ?"
    )
    present = int(now) // HOUR
    with store.transaction() as database:
        for hour, queryid, userid, dbid, top, calls, ms in database.execute(
            query, (target, present - KEPT, present, CALLS)
        ):
            found[queryid, userid, dbid, bool(top)][hour] = Spent(calls, ms)
    return found


def other_days(known: HoursOfStatement, hour: int) -> OtherDays | None:
    """What a call took in the same hour of the days before; None: that is not known. Pure."""
    means = [known[at].mean for day in range(1, DAYS + 1) if (at := hour - day * HOURS_A_DAY) in known]
    return OtherDays(median(means), len(means)) if means else None


def slower_since(known: HoursOfStatement, hour: int) -> int:
    """The first of the hours before `hour` in a row that took longer than the same ones of other days. Pure.

    `hour` itself where the one before was as usual, or is not known.
    """
    before = range(hour - 1, hour - HOURS_A_DAY, -1)
    return min(takewhile(lambda each: _is_slower(known, each), before), default=hour)


def _is_slower(known: HoursOfStatement, hour: int) -> bool:
    usual = other_days(known, hour)
    return hour in known and usual is not None and known[hour].mean >= RATIO * usual.mean
