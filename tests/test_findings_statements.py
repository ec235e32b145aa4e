"""What is usual for a statement, and from when on it is far slower; without a server."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import MappingProxyType

import pytest

from console.model import (
    CannotTell,
    Facts,
    Frame,
    GoneIndex,
    IndexHistory,
    KnownIndex,
    Level,
    Record,
    Snapshot,
    StatementHistory,
    Trouble,
)
from console.model.trouble import Kind
from console.rules.findings.slow_statements import slow
from console.rules.findings.statements import loops, regressed
from console.rules.judging import fold
from console.rules.statement_history import MOST_STATEMENTS, learn
from console.watching import state

START = datetime(2026, 11, 12, tzinfo=UTC)
FORMER = (1000, 2000.0)  # calls and milliseconds when it was first read: 2 ms a call
HEADS: Record = {"queryid": 7, "userid": 10, "dbid": 5, "query": "SELECT 1", "user": "app", "database": "shop"}


def reading(seconds: float, *rows: Record, reset: float = 0.0, evictions: int = 0) -> Snapshot:
    fixed: Record = {"userid": 10, "dbid": 5, "toplevel": True, "counted_from": reset, "evictions": evictions}
    records = [{"queryid": 7, "rows": 0, **fixed, **row} for row in rows]
    columns = tuple(records[0])
    at = START + timedelta(seconds=seconds)
    return Snapshot("statements", columns, tuple(tuple(record[name] for name in columns) for record in records), at)


def learned(*readings: Snapshot) -> StatementHistory:
    history = StatementHistory()
    for taken in readings:
        history = learn(history, taken)
    return history


def after(
    steps: Sequence[tuple[int, float]],
    former: tuple[int, float] = FORMER,
    marks: Mapping[str, float] = MappingProxyType({}),
) -> StatementHistory:
    """A history of readings a minute apart, each with so many calls and milliseconds more; `marks` of the last one."""
    calls, total = former
    readings = [reading(0, {"calls": calls, "total_ms": total})]
    for at, (more, took) in enumerate(steps, 1):
        calls, total = calls + more, total + took
        last = marks if at == len(steps) else {}
        readings.append(reading(60.0 * at, {"calls": calls, "total_ms": total}, **last))  # type: ignore[arg-type]
    return learned(*readings)


def frame(history: StatementHistory) -> Frame:
    heads = Snapshot("statement_heads", tuple(HEADS), (tuple(HEADS.values()),), START)
    return Frame({"statements": (reading(0, {"calls": 1}),), "statement_heads": (heads,)}, START, statements=history)


SLOW = (300, 3000.0)  # 10 ms a call, 50 ms per second


@pytest.mark.parametrize(
    ("steps", "former", "found"),
    [
        ([SLOW] * 3, FORMER, True),
        ([SLOW] * 2, FORMER, False),  # too few readings
        ([SLOW, SLOW, (300, 600.0), SLOW, SLOW], FORMER, False),  # not in a row
        ([(303, 3000.0)] * 3, FORMER, False),  # 4.95 times
        ([(299, 2999.0)] * 3, FORMER, False),  # less than 50 ms per second
        ([SLOW] * 3, (49, 98.0), False),  # too few calls to be usual
        ([SLOW] * 3, (50, 100.0), True),
        ([(1, 3000.0)] * 3, FORMER, False),  # three calls in all
        ([(2, 3000.0)] * 3, FORMER, True),
        ([(0, 0.0), (300, 600.0), SLOW, SLOW, SLOW], FORMER, True),
    ],
)
def test_a_statement_regresses_from_limits_and_readings_on(
    steps: list[tuple[int, float]], former: tuple[int, float], found: bool
) -> None:
    findings = list(regressed(frame(after(steps, former))))
    assert [each.level for each in findings] == ([Level.WARNING] if found else [])
    if found:
        assert findings[0].sentence.startswith("SELECT 1: ")
        assert findings[0].since is not None
        assert findings[0].since < START + timedelta(seconds=60 * len(steps))


def test_statements_that_lack_the_same_index_are_one_finding_and_have_its_fix_once() -> None:
    texts = {
        1: "SELECT * FROM visit WHERE page = $1",
        2: "SELECT count(*) FROM visit WHERE page = $1",
        3: "SELECT 1 FROM day",
    }
    calls, total = dict.fromkeys(texts, 1000), dict.fromkeys(texts, 2000.0)
    readings = []
    for at in range(4):
        rows: list[Record] = [{"queryid": n, "calls": calls[n], "total_ms": total[n]} for n in texts]
        readings.append(reading(60.0 * at, *rows))
        for n in texts:
            calls[n], total[n] = calls[n] + 300, total[n] + 3000.0 * n
    heads = [tuple({**HEADS, "queryid": n, "query": text}.values()) for n, text in texts.items()]
    page = KnownIndex("visit_page", "public", "visit", "public.visit", "btree", "btree 1 1", "page")
    named = Snapshot("statement_heads", tuple(HEADS), tuple(heads), START)
    before = frame(learned(*readings))
    now = replace(
        before,
        readings={**before.readings, "statement_heads": (named,)},
        facts=Facts("postgres", 180000, "18", "", database="shop"),
        indexes=IndexHistory(START, {}, (GoneIndex(page, START, START),)),
    )
    other, index = sorted(fold(regressed(now)), key=lambda found: len(found.fixes))
    assert other.sentence.startswith("SELECT 1 FROM day")
    assert index.sentence.startswith("SELECT count(*) FROM visit")
    assert index.sentence.endswith("index visit_page on public.visit is gone")
    assert [each.startswith("SELECT * FROM visit") for each in index.explains] == [True]
    assert [fix.action for fix in index.fixes] == ["create-index"]


@pytest.mark.parametrize("marks", [{"reset": 9.0}, {"evictions": 1}])
def test_a_reset_or_an_eviction_withholds_the_finding_and_keeps_what_is_usual(marks: dict[str, float]) -> None:
    history = after([SLOW] * 3, marks=marks)
    with pytest.raises(CannotTell, match="two readings"):
        list(regressed(frame(history)))
    (past,) = history.statements.values()
    assert (past.usual_mean, past.slow_readings) == (2.0, 0)


def test_what_is_usual_follows_the_statement_but_not_its_slow_readings() -> None:
    (past,) = after([(1000, 4000.0), (300, 4500.0)]).statements.values()
    assert past.usual_mean == 3.0


def test_readings_that_follow_at_once_are_not_counted() -> None:
    first = reading(0, {"calls": 1000, "total_ms": 2000.0})
    second = reading(19, {"calls": 1300, "total_ms": 5000.0})
    assert learned(first, second) == learned(first)


def test_the_history_is_bounded_and_survives_on_disk(tmp_path: Path) -> None:
    rows = [{"queryid": number, "calls": 100, "total_ms": 200.0} for number in range(MOST_STATEMENTS)]
    history = learned(reading(0, *rows), reading(60, {"calls": 9, "total_ms": 9.0, "queryid": -1}))
    assert len(history.statements) == MOST_STATEMENTS
    state.save(tmp_path / "state.json", state.State(statements=after([SLOW] * 3)))
    assert state.load(tmp_path / "state.json").statements == after([SLOW] * 3)


@pytest.mark.parametrize(
    ("calls", "rows", "total_ms", "others", "found"),
    [
        (60_000, 60_000, 6000.0, 100, True),
        (59_999, 59_999, 6000.0, 100, False),  # under 1,000 a second
        (60_000, 29_999, 6000.0, 100, False),  # most return nothing
        (60_000, 90_001, 6000.0, 100, False),
        (60_000, 60_000, 60_001.0, 100, False),  # over 1 ms a call
        (60_000, 60_000, 6000.0, 60_001, False),  # less than half of all calls
    ],
)
def test_single_rows_in_a_loop_are_found_by_rate_rows_and_share(
    calls: int, rows: int, total_ms: float, others: int, found: bool
) -> None:
    none: Record = {"calls": 0, "total_ms": 0.0}
    loop: Record = {"calls": calls, "rows": rows, "total_ms": total_ms}
    other: Record = {"queryid": 8, "calls": others, "total_ms": 1.0}
    history = learned(reading(0, none, {**none, "queryid": 8}), reading(60, loop, other))
    assert len(list(loops(frame(history)))) == found


def test_without_the_extension_nothing_is_claimed() -> None:
    missing = Frame({}, START, troubles={"statements": Trouble(Kind.MISSING, "No pg_stat_statements.")})
    for judge in (regressed, loops):
        with pytest.raises(CannotTell, match="pg_stat_statements"):
            list(judge(missing))


@pytest.mark.parametrize(
    ("calls", "milliseconds", "query", "level"),
    [
        (2, 1_998.0, "SELECT 1", None),
        (2, 2_000.0, "SELECT 1", Level.WARNING),
        (2, 20_000.0, "SELECT 1", Level.CRITICAL),
        (0, 0.0, "SELECT 1", None),
        (2, 2_000.0, "  with x as (select 1) select 1", Level.WARNING),
        (2, 20_000.0, "VACUUM t", None),
        (2, 20_000.0, "REFRESH MATERIALIZED VIEW CONCURRENTLY v", None),
    ],
)
def test_a_query_is_slow_by_its_mean_between_two_checks(
    calls: int, milliseconds: float, query: str, level: Level | None
) -> None:
    seen = frame(after([(calls, milliseconds)]))
    heads = Snapshot("statement_heads", tuple(HEADS), (tuple({**HEADS, "query": query}.values()),), START)
    found = list(slow(replace(seen, readings={**seen.readings, "statement_heads": (heads,)})))
    assert [finding.level for finding in found] == ([] if level is None else [level])


def test_whether_a_query_is_slow_is_unknown_at_the_first_check() -> None:
    with pytest.raises(CannotTell, match="two readings"):
        list(slow(frame(learned(reading(0, {"calls": 1, "total_ms": 9e9})))))
