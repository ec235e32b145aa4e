"""Statements that became far slower than usual, and single-row statements in a loop."""

from __future__ import annotations

from collections.abc import Iterable

from console.format import count, milliseconds, one_line, percent, rate
from console.model import (
    RARELY,
    RELATIONS,
    SELDOM,
    Ask,
    CannotTell,
    Diagnosis,
    Evidence,
    Finding,
    Frame,
    GoneIndex,
    Level,
    Record,
    StatementHistory,
    StatementKey,
    StatementPast,
    Urgency,
)
from console.rules.findings import gone_indexes
from console.rules.findings.wording import statement
from console.rules.statement_history import USUAL_CALLS
from console.rules.statements import N_PLUS_ONE_CALLS_PER_SECOND

READINGS = 3  # in a row in which a statement must have been slow
SLOW_CALLS = 5  # within these readings
LOOP_CALLS = 5000  # within one reading
LOOP_ROWS = (0.5, 1.5)  # rows of a call
LOOP_MS = 1.0  # of a call, at most
LOOP_SHARE = 0.5  # of the calls of all statements


def regressed(frame: Frame) -> Iterable[Finding]:
    """A finding for each statement whose mean is far above its usual one. Raises CannotTell without two readings.

    Of statements that lack the same indexes the costliest one explains the others.
    """
    history = _compared(frame)
    whole = sum(past.more_ms for past in history.statements.values())
    causes: list[tuple[str, frozenset[GoneIndex]]] = []  # the costliest statement of those that lack the same indexes
    for key, past in sorted(_slow(history), key=lambda slow: -slow[1].more_ms):
        row, now = _named(frame, key), past.slow_ms / past.slow_calls
        subject = f"statement {key[0]} of {row['user']} in {row['database']}"
        gone = gone_indexes.gone(frame, row, past.slow_since or frame.at)
        cause = next((other for other, lacks in causes if gone and lacks.issuperset(gone)), "")
        if gone and not cause:
            causes.append((subject, frozenset(gone)))
        share = 100 * past.more_ms / whole if whole else 0.0
        slower = (
            f"{_text(row, key)}: {milliseconds(now)} a call, usually {milliseconds(past.usual_mean)} "
            f"({now / max(past.usual_mean, 1e-6):.0f} times), {percent(share)} of the time of all statements"
        )
        yield Finding(
            rule="statement-regressed",
            subject=subject,
            level=Level.WARNING,
            sentence=f"{slower}{gone_indexes.named(gone)}",
            detail=f"of {one_line(row['user'])} in {one_line(row['database'])}; {gone_indexes.advice(gone)}",
            symptom=slower,
            evidence=(
                _evidence(key, f"{count(past.slow_calls)} calls"),
                *(gone_indexes.evidence(each) for each in gone),
            ),
            blames=(cause,) if cause else (),
            fixes=gone_indexes.fixes(gone),
            harm=past.more_ms / history.seconds,
            since=past.slow_since,
        )


def loops(frame: Frame) -> Iterable[Finding]:
    """A finding for a statement that is most of all calls and returns a row each time."""
    history = _compared(frame)
    for key, past in _loops(frame, history):
        row = _named(frame, key)
        calls = sum(each.more_calls for each in history.statements.values())
        yield Finding(
            rule="n-plus-one",
            subject=f"loop {key[0]} of {row['user']} in {row['database']}",
            level=Level.NOTICE,
            sentence=f"{_text(row, key)}: {rate(past.more_calls / history.seconds)} calls a second with a row each, "
            f"{percent(100 * past.more_calls / calls)} of all calls",
            detail=f"of {one_line(row['user'])} in {one_line(row['database'])}; one statement for all rows (a join, or "
            "= ANY with an array) spares the round trips",
            evidence=(_evidence(key, milliseconds(past.more_ms / past.more_calls)),),
        )


def somebody_is_named(frame: Frame) -> bool:
    """Whether a statement is found that must be named: only then texts are read."""
    return any(True for _ in (*_slow(frame.statements), *_loops(frame, frame.statements)))


def _compared(frame: Frame) -> StatementHistory:
    frame.rows("statements")
    if not frame.statements.seconds:
        raise CannotTell("Needs two readings of the same counters.")
    return frame.statements


def _slow(history: StatementHistory) -> Iterable[tuple[StatementKey, StatementPast]]:
    for key, past in history.statements.items():
        if past.slow_readings >= READINGS and past.slow_calls >= SLOW_CALLS and past.usual_calls >= USUAL_CALLS:
            yield key, past


def _loops(frame: Frame, history: StatementHistory) -> Iterable[tuple[StatementKey, StatementPast]]:
    calls = sum(past.more_calls for past in history.statements.values())
    for key, past in history.statements.items():
        if past.more_calls < max(LOOP_CALLS, LOOP_SHARE * calls) or not history.seconds:
            continue
        often = frame.level(N_PLUS_ONE_CALLS_PER_SECOND, past.more_calls / history.seconds)
        rows, mean = past.more_rows / past.more_calls, past.more_ms / past.more_calls
        if often and LOOP_ROWS[0] <= rows <= LOOP_ROWS[1] and mean <= LOOP_MS:
            yield key, past


def _named(frame: Frame, key: StatementKey) -> Record:
    """Text, user and database; where texts cannot be read, under the same names: it is the same finding."""
    try:
        rows = frame.rows("statement_heads")
    except CannotTell:
        rows = ()
    if (named := _row_of(rows, key)) is not None:
        return named
    counted = _row_of(frame.rows("statements"), key) or {"user": key[1], "database": key[2]}
    return {"query": "", "user": counted["user"], "database": counted["database"]}


def _row_of(rows: Iterable[Record], key: StatementKey) -> Record | None:
    return next((row for row in rows if (row["queryid"], row["userid"], row["dbid"]) == key[:3]), None)


def _text(row: Record, key: StatementKey) -> str:
    return statement(row) or f"statement {key[0]}"


def _evidence(key: StatementKey, value: str) -> Evidence:
    return Evidence("since the last reading", value, "slow-queries", "now", {"queryid": key[0], "dbid": key[2]})


_ASKS = (Ask("statements", every=SELDOM), Ask("statement_heads", every=SELDOM, only_if=somebody_is_named))
STATEMENT_REGRESSED = Diagnosis(
    "statement-regressed",
    "A statement takes far longer than usual",
    Urgency.SOON,
    (*_ASKS, Ask("table_indexes", every=RARELY, on_change=RELATIONS, unchanged=3 * RARELY)),
    regressed,
    misses=f"A statement must have been slow in {READINGS} readings, a minute apart.",
)
N_PLUS_ONE = Diagnosis(
    "n-plus-one",
    "An application reads rows one by one",
    Urgency.CARE,
    _ASKS,
    loops,
    (N_PLUS_ONE_CALLS_PER_SECOND,),
    misses="It compares two readings, a minute apart.",
)
