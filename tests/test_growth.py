"""Ten times the rows take little more than ten times the work, counted in lines that run on any machine."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from types import FrameType
from typing import Any

import pytest

from console.model import Finding, Level, Rate, Snapshot, Source, StatementHistory, Trouble, View
from console.panes import PANES
from console.panes.blocking import Blocking, Member, blocking
from console.panes.locks import LOCKS, tree
from console.panes.partition_coverage import coverage
from console.panes.partitions import Segment, Timeline
from console.reading.arrange import arrange
from console.reading.reader import Reader, keys, with_rates
from console.rules.judging import fold
from console.rules.lock_queues import Lock, Queues
from console.rules.statement_history import learn
from console.sources.registry import POOLER, PRIMARY
from console.tui.charts import _bar
from tests import recording

FEW, TIMES = 30, 10
MOST = 14.0  # times the work for ten times the rows: n log n would be less than 17 from 30 to 300
NOW = datetime(2026, 11, 1, tzinfo=UTC)


def work(doing: Callable[[], object]) -> int:
    """How many lines of Python run and how many functions are called."""
    count = 0

    def line(frame: FrameType, event: str, argument: object) -> Any:
        nonlocal count
        del frame, argument
        count += event == "line"
        return line

    def call(frame: FrameType, event: str, argument: object) -> None:
        nonlocal count
        del frame, argument
        count += event in {"call", "c_call"}

    before = sys.gettrace()
    sys.settrace(line)
    sys.setprofile(call)
    try:
        doing()
    finally:
        sys.setprofile(None)
        sys.settrace(before)
    return count


def times(make: Callable[[int], Callable[[], object]]) -> float:
    """How many times the work is done for ten times as much."""
    few, many = make(FEW), make(FEW * TIMES)
    few(), many()  # what is kept from now on is not counted
    return work(many) / work(few)


def test_the_bars_of_partitions_take_one_pass() -> None:
    def bars(n: int) -> Callable[[], object]:
        parts = tuple(Segment(float(at), at + 1.0, 1.0, "past") for at in range(n))
        line = Timeline("t", n / 2, parts, 1.0, Level.OK)
        middles = [at + 0.5 for at in range(n)]
        return lambda: _bar(line, middles, 1.0)

    assert times(bars) < MOST


def test_work_that_grows_with_the_square_is_noticed() -> None:
    assert times(lambda n: lambda: [other for each in range(n) for other in range(n) if each == other]) > 50
    assert times(lambda n: lambda: [each for each in range(n)]) < MOST  # noqa: C416  what is counted


# A row that holds all that is shown, and a tree whose rows cannot be repeated: it has a test of its own.
APART = {"schema_state", "job_state", "locks"}
RECORDED = {PRIMARY: "postgres", POOLER: "pgbouncer"}
DERIVED = {
    (view.query, view.derive): (pane.source_of(view), view)
    for pane in PANES
    for view in pane.views
    if view.derive is not None and view.query not in APART and pane.source_of(view) in RECORDED
}


@cache
def recorded(source: str) -> Source:
    return recording.load(RECORDED[source])


@pytest.mark.parametrize(
    ("source", "view"), DERIVED.values(), ids=[f"{view.query}-{view.name}" for _, view in DERIVED.values()]
)
async def test_rows_are_made_and_arranged_in_proportion_to_their_number(source: str, view: View) -> None:
    derive = view.derive
    assert derive is not None
    try:
        taken = await Reader(replace(view, derive=None)).read(recorded(source))
    except Trouble:
        pytest.skip("it was not recorded")
    if not taken.rows:
        pytest.skip("no rows were recorded")

    def make(count: int) -> Callable[[], object]:
        rows = many(taken, view, count)
        return lambda: arrange(derive(rows), view, view.sort)

    assert times(make) <= MOST


def many(snapshot: Snapshot, view: View, count: int) -> Snapshot:
    """The rows of a recording again and again, with keys of their own."""
    at = {snapshot.columns.index(name) for name in view.key if name in snapshot.columns}
    rows = []
    for turn in range(count):
        row = snapshot.rows[turn % len(snapshot.rows)]
        again = turn // len(snapshot.rows)
        rows.append(tuple(_other(value, again) if place in at else value for place, value in enumerate(row)))
    return replace(snapshot, rows=tuple(rows))


def _other(value: object, again: int) -> object:
    if isinstance(value, int) and not isinstance(value, bool):
        return value + again * 100_000_000
    return f"{value}.{again}" if isinstance(value, str) and again else value


def pile(taken: Snapshot, count: int, seconds: float = 0.0) -> Snapshot:
    """Sessions that wait for the first one, each a second less than the one before it, `seconds` later."""
    template = dict(zip(taken.columns, taken.rows[0], strict=True))
    rows = [
        {**template, "pid": n, "holder_id": n, "lock_id": None, "leader_pid": None, "gid": None}
        | {"holders": None, "held_modes": None, "wants": None}
        for n in range(count)
    ]
    for place, row in enumerate(rows[1:], 1):
        age = 1.0 * count - place + seconds
        row |= {"lock_id": 1, "place": place, "wanted_mode": 64, "wait_age": age, "wants": "row"}
    rows[1] |= {"holders": [0], "held_modes": [64]}
    return replace(taken, rows=tuple(tuple(row.values()) for row in rows))


async def test_the_tree_of_blocked_sessions_takes_a_step_a_session() -> None:
    taken = await Reader(replace(LOCKS.view("blocking"), derive=None)).read(recorded(PRIMARY))

    def make(count: int) -> Callable[[], object]:
        readings = iter([pile(taken, count + more) for more in range(3)])  # others wait each time
        return lambda: tree(next(readings))

    assert times(make) <= MOST


async def test_who_blocks_whom_is_worked_out_once_while_the_same_sessions_wait() -> None:
    taken = await Reader(replace(LOCKS.view("blocking"), derive=None)).read(recorded(PRIMARY))
    first, second, third, other = (pile(taken, count, age) for age, count in enumerate((99, 99, 99, 98)))
    assert blocking(first) is blocking(second)
    assert blocking(other) is not blocking(second)
    tree(second)
    assert work(lambda: tree(third)) / 99 <= 100  # lines and calls for each session


def queue(count: int) -> list[Member]:
    """A session that holds a lock, and so many that wait for it one behind the other."""
    waiting = [Member(n, n, 1, n, 64, *(((1000,), (64,)) if n == 1 else ((), ()))) for n in range(1, count)]
    return [Member(1000, 1000), *waiting]


def chain(count: int) -> list[Member]:
    """So many sessions, each of which waits for the one before it."""
    return [Member(0, 0), *(Member(n, n, n, 1, 64, (n - 1,), (64,)) for n in range(1, count))]


@pytest.mark.parametrize("shape", [queue, chain])
def test_who_blocks_whom_takes_as_many_steps_as_sessions_wait(shape: Callable[[int], list[Member]]) -> None:
    def make(count: int) -> Callable[[], object]:
        members = shape(count)

        def doing() -> object:
            found = Blocking(members)
            return found.below, found.direct

        return doing

    assert times(make) <= MOST


@pytest.mark.parametrize("is_chain", [False, True])
def test_what_ending_a_session_frees_takes_as_many_steps_as_sessions_wait(is_chain: bool) -> None:
    def make(count: int) -> Callable[[], object]:
        held = [Lock(n, f"t{n}", "transactionid", 64, True, 0.0) for n in range(count if is_chain else 1)]
        locks = [
            *held,
            *(Lock(n, f"t{n - 1 if is_chain else 0}", "transactionid", 16, False, n) for n in range(1, count)),
        ]

        def doing() -> object:
            queues = Queues(locks)
            return [(queues.behind(root), queues.freed(root)) for root in queues.roots]

        return doing

    assert times(make) <= MOST


@pytest.mark.parametrize("is_kept", [False, True], ids=["the first time", "again"])
def test_the_bounds_of_partitions_are_looked_at_once_each(is_kept: bool) -> None:
    def make(count: int) -> Callable[[], object]:
        calls = iter(range(10))

        def doing() -> object:
            first = 0 if is_kept else next(calls) * 10_000  # other bounds each time
            days = [f"FOR VALUES FROM ('{first + n}') TO ('{first + n + 1}')" for n in range(count)]
            row = {"bounds": days, "bound_rows": [1.0] * count, "types": ["bigint"], "strategy": "range"}
            return coverage({**row, "clock": False, "now": 1.0, "default_oid": None, "default_rows": None})

        return doing

    assert times(make) <= MOST


def test_rates_and_what_is_learned_of_statements_take_a_step_a_statement() -> None:
    columns = ("queryid", "userid", "dbid", "toplevel", "calls", "total_ms", "rows", "counted_from", "evictions")

    def taken(count: int, calls: int, second: int) -> Snapshot:
        rows = tuple((n, 1, 1, True, calls + n, 1.0 * calls, 1, 1.0, 0) for n in range(count))
        return Snapshot("statements", columns, rows, NOW + timedelta(seconds=second), 0.0, 100.0 + second)

    def make(count: int) -> Callable[[], object]:
        before, now = taken(count, 10, 0), taken(count, 20, 30)
        history = learn(StatementHistory(), before)
        rates = (Rate("call_rate", "calls"), Rate("mean", "total_ms", per="calls"))
        return lambda: (learn(history, now), with_rates(now, before, columns[:4], rates), keys(now, columns[:4]))

    assert times(make) <= MOST


def test_symptoms_are_folded_into_causes_in_a_step_each() -> None:
    def make(count: int) -> Callable[[], object]:
        findings = [
            Finding("rule", f"subject {n}", Level.WARNING, "a sentence", blames=(f"subject {n // 10 * 10}",))
            for n in range(count)
        ]
        return lambda: fold(findings)

    assert times(make) <= MOST
