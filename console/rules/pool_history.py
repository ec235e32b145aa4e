"""Learns when clients of PgBouncer waited, minute by minute: a reading of its pools shows a moment only. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from console.model import PoolHistory, PoolMinute, Record, Snapshot, number
from console.panes.pooler_rows import longest_wait, pooled
from console.records import dataclass

KEPT = 120  # minutes in which the pools were read; of a pool, in which its clients waited
MOST_POOLS = 100  # that are remembered, those that waited last
HOUR = 60  # minutes
SPANS = (5, 15, HOUR)  # minutes that are shown


def learn(history: PoolHistory, taken: Snapshot) -> PoolHistory:
    """`history` after one more reading of the query pooler_pools."""
    if taken.taken_at == history.at:
        return history
    minute = int(taken.taken_at.timestamp() // 60)
    readings, pools = dict(history.readings), dict(history.pools)
    readings[minute] = readings.pop(minute, 0) + 1  # at the end: it was read last
    for row in taken.records():
        if pooled(row) and row["cl_waiting"]:
            key = (str(row["pooler"]), str(row["database"]), str(row["user"]))
            pools[key] = _with(pools.pop(key, ()), minute, row)  # at the end: it waited last
    # Both by number, as a clock may be wrong: what a clock that is set back leaves ahead counts again in its time.
    last_readings, last_pools = list(readings.items())[-KEPT:], list(pools.items())[-MOST_POOLS:]
    return PoolHistory(taken.taken_at, dict(last_readings), dict(last_pools))


def _with(minutes: tuple[PoolMinute, ...], minute: int, row: Record) -> tuple[PoolMinute, ...]:
    clients, longest = int(number(row["cl_waiting"])), round(longest_wait(row), 3)
    if minutes and minutes[-1].minute == minute:
        last = minutes[-1]
        now = PoolMinute(minute, last.waiting + 1, max(last.most, clients), max(last.longest, longest))
        return (*minutes[:-1], now)
    return (*minutes, PoolMinute(minute, 1, clients, longest))[-KEPT:]


@dataclass(frozen=True, slots=True)
class Waited:
    """How clients of a pool waited in the last hour."""

    pooler: str
    database: str
    user: str
    shares: Mapping[int, float]  # minutes → readings in % in which some waited
    most: int  # at a time
    longest: float  # seconds
    ago: float  # seconds since the last minute with a wait began


def waited(history: PoolHistory, now: datetime) -> list[Waited]:
    """The pools whose clients waited in the last hour, those that did most often first."""
    minute, found = int(now.timestamp() // 60), []
    for key, kept in history.pools.items():
        minutes = [each for each in kept if 0 <= minute - each.minute < HOUR]
        if minutes:
            shares = {span: _share(history.readings, minutes, minute, span) for span in SPANS}
            most, longest = max(each.most for each in minutes), max(each.longest for each in minutes)
            ago = max(0.0, now.timestamp() - 60 * max(each.minute for each in minutes))
            found.append(Waited(*key, shares, most, longest, ago))
    return sorted(found, key=lambda each: -each.shares[HOUR])


def _share(readings: Mapping[int, int], minutes: list[PoolMinute], now: int, span: int) -> float:
    total = sum(many for at, many in readings.items() if 0 <= now - at < span)
    return 100 * sum(each.waiting for each in minutes if now - each.minute < span) / total if total else 0.0


def minutes_read(history: PoolHistory, now: datetime) -> int:
    """In how many minutes of the last hour the pools were read."""
    minute = int(now.timestamp() // 60)
    return sum(0 <= minute - at < HOUR for at in history.readings)
