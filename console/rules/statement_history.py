"""Learns what statements usually cost, and since when one costs far more. Pure."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from console.model import Record, Snapshot, StatementHistory, StatementKey, StatementPast, number

LEAST_SECONDS = 20.0  # between two readings that are compared
USUAL_CALLS = 50  # from which a mean is usual
TIMES = 5.0  # by which a mean exceeds the usual one
MS_PER_SECOND = 50.0  # that a slow statement costs at least
REMEMBERED_CALLS = 100_000.0  # older ones count ever less
MOST_STATEMENTS = 1000


def learn(history: StatementHistory, taken: Snapshot) -> StatementHistory:
    """`history` after one more reading of the query statements.

    Nothing is compared across a reset or an eviction of counters; what is usual is remembered across them.
    """
    elapsed = (taken.taken_at - history.at).total_seconds() if history.at else 0.0
    if history.at is not None and 0 <= elapsed < LEAST_SECONDS:
        return history
    records = {key: record for record in taken.records() if (key := _key(record)) is not None}
    first = next(iter(records.values()), {})
    marks = (first.get("counted_from"), first.get("evictions"))
    # Not after the clock was set back either.
    seconds = max(elapsed, 0.0) if marks == (history.counted_from, history.evictions) else 0.0
    read = {key: _past(history.statements.get(key), record, seconds, taken.taken_at) for key, record in records.items()}
    absent = {key: past for key, past in history.statements.items() if key not in read}
    kept = dict(list((read | {key: _unread(past) for key, past in absent.items()}).items())[:MOST_STATEMENTS])
    return StatementHistory(taken.taken_at, seconds, *marks, kept)


def _key(record: Record) -> StatementKey | None:
    """None: this role cannot tell it from others."""
    parts = record.get("queryid"), record.get("userid"), record.get("dbid")
    if not all(isinstance(part, int) for part in parts):
        return None
    queryid, userid, dbid = (int(part) for part in parts if isinstance(part, int))
    return queryid, userid, dbid, record.get("toplevel") is not False


def _unread(past: StatementPast) -> StatementPast:
    return replace(past, more_calls=0.0, more_ms=0.0, more_rows=0.0, slow_readings=0, slow_since=None)


def _past(before: StatementPast | None, record: Record, seconds: float, at: datetime) -> StatementPast:
    calls, total, rows = (number(record.get(name)) for name in ("calls", "total_ms", "rows"))
    if before is None:  # all that was counted so far is what it usually costs
        return StatementPast(calls, total, calls, total, rows)
    more = calls - before.calls, total - before.total_ms, rows - before.rows
    if seconds <= 0 or more[0] < 0 or more[1] < 0:
        return replace(_unread(before), calls=calls, total_ms=total, rows=rows)
    now = replace(
        before, calls=calls, total_ms=total, rows=rows, more_calls=more[0], more_ms=more[1], more_rows=more[2]
    )
    return _slower(now, at) if _is_slow(now, seconds) else _usual(now)


def _is_slow(past: StatementPast, seconds: float) -> bool:
    if not past.more_calls or past.usual_calls < USUAL_CALLS or past.more_ms / seconds < MS_PER_SECOND:
        return False
    return past.more_ms / past.more_calls >= TIMES * past.usual_mean


def _slower(past: StatementPast, at: datetime) -> StatementPast:
    return replace(
        past,
        slow_readings=past.slow_readings + 1,
        slow_calls=past.slow_calls + past.more_calls if past.slow_readings else past.more_calls,
        slow_ms=past.slow_ms + past.more_ms if past.slow_readings else past.more_ms,
        slow_since=past.slow_since or at,
    )


def _usual(past: StatementPast) -> StatementPast:
    calls, total = past.usual_calls + past.more_calls, past.usual_ms + past.more_ms
    share = min(1.0, REMEMBERED_CALLS / calls) if calls else 1.0
    return replace(
        past, usual_calls=calls * share, usual_ms=total * share, slow_readings=0, slow_calls=0.0, slow_since=None
    )
