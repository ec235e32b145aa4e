"""The sessions and the metrics of the header from one pass over the server's activity."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from console.model import Facts, Snapshot, number
from console.sources.postgres import PostgresServer, queries
from console.sources.postgres.together import EARLY, GRACE, LATE, Together
from console.sql import Query
from tests.servers import PostgresServer as Cluster

CARRIER, RIDER, BOTH = "connections", "vitals", "connections_vitals"
PERIOD = 2.0
NOW = datetime(2026, 11, 1, tzinfo=UTC)
READ = Snapshot(BOTH, ("pid", "vitals"), ((1, None), (2, (7, 0.5)), (3, None)), NOW, clock=100.0)
SIGNS = Snapshot(RIDER, ("used", "age"), ((6, 0.4),), NOW, clock=98.0)


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@asynccontextmanager
async def waiting(clock: Clock, *, reads: tuple[float, ...] = ()) -> AsyncIterator[tuple[Together, asyncio.Task[None]]]:
    """The rider waits to be due; the carrier was read at these moments, and the rider once, alone."""
    together = Together(CARRIER, RIDER, BOTH, clock)
    for clock.now in reads:
        assert not together.begin()
    together.learn(SIGNS)
    clock.now = 100.0
    task = asyncio.create_task(together.until_due(PERIOD))
    await asyncio.sleep(0)
    yield together, task
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def test_what_was_read_along_is_parted_and_taken_once() -> None:
    clock = Clock()
    async with waiting(clock, reads=(97.0, 99.0)) as (together, task):
        clock.now += PERIOD / 2
        assert together.begin()
        shown = together.parted(replace(READ, clock=clock.now), "SELECT sessions", "SELECT signs")
        assert shown is not None
        assert (shown.name, shown.columns, shown.rows) == (CARRIER, ("pid",), ((1,), (3,)))
        assert shown.sql == "SELECT sessions"
        await task  # it is due at once
        assert not together.begin()
    taken = together.take()
    assert taken is not None
    assert (taken.name, taken.columns, taken.rows, taken.sql) == (RIDER, SIGNS.columns, ((7, 0.5),), "SELECT signs")
    assert together.take() is None


async def test_nothing_is_read_along_before_it_is_due_or_its_columns_are_known() -> None:
    clock = Clock()
    async with waiting(clock) as (together, _):
        assert not together.begin()
        clock.now += PERIOD
        assert together.begin()
        together.forget()
        assert not together.begin()


async def test_what_is_read_along_regularly_is_not_read_more_often_where_the_pane_is_read_faster() -> None:
    clock = Clock()
    async with waiting(clock) as (together, task):
        clock.now += PERIOD
        assert together.begin()
        together.parted(replace(READ, clock=clock.now), "", "")
        await task
        again = asyncio.create_task(together.until_due(PERIOD))
        await asyncio.sleep(0)
        clock.now += PERIOD * EARLY - 0.1
        assert not together.begin()
        clock.now += 0.2
        assert together.begin()
        again.cancel()


@pytest.mark.parametrize("row", [None, (7,), "7"], ids=["no row", "another version's row", "no record"])
def test_a_row_that_is_not_the_riders_leaves_both_to_be_read_alone(row: object) -> None:
    together = Together(CARRIER, RIDER, BOTH)
    together.learn(SIGNS)
    assert together.parted(replace(READ, rows=((1, None), (2, row))), "", "") is None
    assert together.take() is None
    together._due = 0.0
    together.learn(SIGNS)
    assert not together.begin()  # it would be the same again
    together.forget()
    together.learn(SIGNS)
    assert together.begin()


def test_what_was_read_along_long_ago_is_no_answer() -> None:
    clock = Clock()
    together = Together(CARRIER, RIDER, BOTH, clock)
    together.learn(SIGNS)
    assert together.parted(READ, "", "")
    clock.now += PERIOD
    assert together.take() is None


@pytest.mark.parametrize(
    ("reads", "soonest", "seconds"),
    [
        ((), 0.5, PERIOD),  # no pane reads the sessions
        ((98.0, 100.0), 1.8, 2.0 + GRACE),
        ((98.5, 99.5), 1.8, 2.5 + GRACE),  # twice as often: the one after the next
        ((97.8, 99.8), 0.5, 1.8 + GRACE),
        ((90.0, 95.0), 1.8, PERIOD),  # only after much longer than a period
        ((90.0, 92.0), 1.8, PERIOD),  # the pane was left
    ],
)
def test_the_rider_waits_for_the_next_read_of_the_sessions_if_that_is_near(
    reads: tuple[float, ...], soonest: float, seconds: float
) -> None:
    clock = Clock()
    together = Together(CARRIER, RIDER, BOTH, clock)
    for clock.now in reads:
        together.begin()
    clock.now = 100.0
    assert together._patience(soonest, PERIOD) == pytest.approx(seconds)
    assert seconds <= PERIOD * LATE + GRACE


@pytest.mark.parametrize(
    ("after", "waits"),
    [
        (0.1, [PERIOD, 0.5 + GRACE]),  # sessions 2.4 s apart, as when a console opens: the next read is near
        (0.3, [PERIOD]),  # the next one is too far
        (None, [PERIOD]),  # no pane reads them
    ],
)
async def test_the_rider_waits_on_for_sessions_whose_next_read_was_not_known(
    after: float | None, waits: list[float]
) -> None:
    clock, waited = Clock(), list[float]()
    together = Together(CARRIER, RIDER, BOTH, clock)
    together.learn(SIGNS)
    clock.now = 97.7
    assert not together.begin()
    clock.now = 100.0

    async def passing(seconds: float) -> None:
        waited.append(seconds)
        end = clock.now + seconds
        if len(waited) == 1 and after is not None:
            clock.now += after
            assert not together.begin()  # it is not due yet
        clock.now = end

    together._wait = passing  # type: ignore[method-assign]
    await together.until_due(PERIOD)
    assert waited == pytest.approx(waits)


async def test_the_rider_waits_for_a_read_of_both_that_is_under_way() -> None:
    clock, waited = Clock(), list[float]()
    together = Together(CARRIER, RIDER, BOTH, clock)
    together.learn(SIGNS)

    async def passing(seconds: float) -> None:
        waited.append(seconds)
        clock.now += seconds
        if len(waited) == 1:
            assert together.begin()
        else:
            assert together.parted(replace(READ, clock=clock.now), "", "")

    together._wait = passing  # type: ignore[method-assign]
    await together.until_due(PERIOD)
    together.end()
    assert waited == [PERIOD, PERIOD]
    assert together.take() is not None


async def test_the_statement_for_both_is_planned_once(any_pg: Cluster, sent: list[str]) -> None:
    server = PostgresServer(any_pg.uri("postgres"))
    await server.fetch(RIDER)
    for _ in range(3):
        server._together._due = 0.0
        server._idle = None
        await server.fetch(CARRIER)
    kept = "SELECT generic_plans::int FROM pg_catalog.pg_prepared_statements WHERE statement LIKE '%%vitals v)%%'"
    plans = await server._once(kept)
    await server.close()
    assert sent == [RIDER, BOTH, BOTH, BOTH]
    assert plans == ((3,),)  # none that was made for one run


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the queries that are sent from now on."""
    names: list[str] = []
    read = PostgresServer._read

    async def noted(server: PostgresServer, query: Query, *others: Any, **options: Any) -> Snapshot:
        names.append(query.name)
        return await read(server, query, *others, **options)

    monkeypatch.setattr(PostgresServer, "_read", noted)
    return names


async def test_who_waits_for_the_metrics_has_them_before_the_sessions_are_there(any_pg: Cluster) -> None:
    server = PostgresServer(any_pg.uri("postgres"))
    for query in (RIDER, CARRIER):
        await server.fetch(query)
    order: list[str] = []

    async def header() -> None:
        await server.until_due(RIDER, 60.0)
        order.append((await server.fetch(RIDER)).name)

    waits = asyncio.create_task(header())
    await asyncio.sleep(0)
    server._together._due = 0.0
    order.append((await server.fetch(CARRIER)).name)
    await waits
    await server.close()
    assert order == [RIDER, CARRIER]


async def test_what_a_server_refuses_at_once_is_read_alone(
    any_pg: Cluster, sent: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    server = PostgresServer(any_pg.uri("postgres"))
    await server.fetch(RIDER)
    server._together._due = 0.0
    chosen = queries.chosen

    def broken(name: str, facts: Facts | None) -> Query:
        return replace(chosen(name, facts), text="SELECT 1 / 0 AS broken" if name == BOTH else chosen(name, facts).text)

    monkeypatch.setattr(queries, "chosen", broken)
    for _ in range(2):
        assert (await server.fetch(CARRIER)).name == CARRIER
        assert (await server.fetch(RIDER)).name == RIDER
    await server.close()
    assert sent == [RIDER, BOTH, CARRIER, RIDER, CARRIER, RIDER]


async def test_one_statement_answers_what_two_do(any_pg: Cluster, sent: list[str]) -> None:
    with any_pg.connect("postgres") as other:
        other.execute("BEGIN")
        other.execute("SELECT 1")
        server = PostgresServer(any_pg.uri("postgres"))
        alone = {query: await server.fetch(query) for query in (CARRIER, RIDER)}
        server._together._due = 0.0
        along = {query: await server.fetch(query) for query in (CARRIER, RIDER)}
        pid = other.info.backend_pid
        await server.close()
    assert sent == [CARRIER, RIDER, BOTH]
    for query, taken in along.items():
        before = alone[query]
        assert (taken.name, taken.columns, taken.sql) == (query, before.columns, before.sql)
    rows = [next(row for row in read[CARRIER].records() if row["pid"] == pid) for read in (alone, along)]
    first, second = ({name: value for name, value in row.items() if name not in {"age", "xact_age"}} for row in rows)
    assert first == second
    kinds = [[type(value) for value in read[RIDER].rows[0]] for read in (alone, along)]
    assert kinds[0] == kinds[1]
    assert number(next(iter(along[RIDER].records()))["used"]) >= 2
