"""What rules read rarely is read at once when something it shows was changed, and as soon as it is needed."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from console.model import RARELY, RELATIONS, ROLES, Ask, Diagnosis, Frame, Signal, Snapshot, Urgency, number
from console.rules.findings.blocking import LOCK_QUEUES
from console.sources.postgres import PostgresServer
from console.sources.registry import Sources
from console.watching.observer import Observer
from tests.activity import Sessions, other_sessions  # noqa: F401  a fixture, found by name
from tests.servers import PostgresServer as Cluster
from tests.waiting import eventually, wait
from tests.withheld import without

NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)


@asynccontextmanager
async def observing(pg: Cluster, database: str, *asks: Ask) -> AsyncIterator[tuple[Observer, Callable[[str], int]]]:
    """A console that looks every few seconds, and how often it asked a query."""
    server, seen = PostgresServer(pg.uri(database)), list[str]()
    sources = Sources(server)
    sources.be_heard(lambda _, query, *__: seen.append(query))
    clock = (NOON + timedelta(seconds=5 * at) for at in itertools.count())
    rule = Diagnosis("any", "Anything", Urgency.CARE, asks, lambda _: ())
    observer = Observer(sources, (rule,), {}, now=lambda: next(clock))
    try:
        yield observer, seen.count
    finally:
        await server.close()


@pytest.mark.parametrize(
    ("by", "before", "now", "is_given"),
    [
        (0, 1, 1, False),
        (0, 1, 2, True),
        (0, "10:00", "10:01", True),
        (100, 1, 100, False),
        (100, 1, 101, True),
        (100, 500, 3, True),  # the counters were reset
        (100, None, 5, True),  # the table was created
        (100, 5, None, True),
        (100, None, None, False),
    ],
)
def test_a_signal_is_given_by_any_change_or_by_enough_of_it(
    by: float, before: object, now: object, is_given: bool
) -> None:
    assert Signal("any", by).is_given(before, now) is is_given


async def test_what_one_query_costs_is_not_taken_from_another(
    pg: Cluster, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("console.watching.early.EARLY", 1.0)
    asks = (
        Ask("partition_statistics", every=RARELY, on_change=RELATIONS),
        Ask("md5_roles", every=RARELY, on_change=ROLES),
    )
    async with observing(pg, database, *asks) as (observer, asked):
        await observer.look()
        with pg.connect(database) as other:
            other.execute("CREATE TABLE t (id int)")
            await eventually(lambda: is_read_again(observer, asked, "partition_statistics"))
            other.execute(f"CREATE ROLE {database}")
            other.execute(f"DROP ROLE {database}")
        await eventually(lambda: is_read_again(observer, asked, "md5_roles"))


async def is_read_again(observer: Observer, asked: Callable[[str], int], query: str) -> bool:
    await observer.look()
    return asked(query) > 1


async def test_a_change_is_read_at_once_and_nothing_else_is(pg: Cluster, database: str) -> None:
    asks = (Ask("partition_statistics", every=RARELY, on_change=RELATIONS), Ask("md5_roles", "postgres", RARELY))
    async with observing(pg, database, *asks) as (observer, asked):
        await observer.look()
        await observer.look()
        assert (asked("partition_statistics"), asked("md5_roles")) == (1, 1)
        with pg.connect(database) as other:
            other.execute("CREATE TABLE t (id int) PARTITION BY RANGE (id)")

        async def is_read() -> bool:
            await observer.look()
            return asked("partition_statistics") > 1

        await eventually(is_read)
        assert asked("md5_roles") == 1


async def test_a_role_is_read_at_once_by_consoles_of_every_database(pg: Cluster, database: str) -> None:
    async with observing(pg, database, Ask("md5_roles", every=RARELY, on_change=ROLES)) as (observer, asked):
        await observer.look()
        with pg.connect() as other:
            other.execute(f"CREATE ROLE {database}")
            other.execute(f"DROP ROLE {database}")

        async def is_read() -> bool:
            await observer.look()
            return asked("md5_roles") > 1

        await eventually(is_read)


async def test_changes_without_end_do_not_make_it_read_without_end(
    pg: Cluster, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("console.watching.early.EARLY", 0.0)
    ask = Ask("partition_statistics", every=RARELY, on_change=RELATIONS)
    async with observing(pg, database, ask) as (observer, asked):
        await observer.look()
        before = observer.frame.row("changes")["relations"]
        with pg.connect(database) as other:
            other.execute("CREATE TEMPORARY TABLE t (id int)")

        async def is_seen() -> bool:
            await observer.look()
            return observer.frame.row("changes")["relations"] != before

        await eventually(is_seen)
        assert asked("partition_statistics") == 1


async def test_what_is_needed_only_at_times_is_read_as_soon_as_it_is(pg: Cluster, database: str) -> None:
    needed = False

    def is_needed(frame: Frame) -> bool:
        return bool(frame.rows("archiver")) and needed  # which each look reads again

    asks = (Ask("archiver", every=1), Ask("md5_roles", every=RARELY, only_if=is_needed))
    async with observing(pg, database, *asks) as (observer, asked):
        await observer.look()
        assert asked("md5_roles") == 0
        needed = True
        await observer.look()
        assert asked("md5_roles") == 1


async def test_what_its_signals_show_whole_is_read_seldom_without_them(pg: Cluster, database: str) -> None:
    ask = Ask("table_indexes", every=60, on_change=RELATIONS, unchanged=600)
    async with observing(pg, database, ask) as (observer, asked):
        await observer.look()
        (first,), began = observer.frame.readings["table_indexes"], observer.frame.at
        while observer.frame.at < began + timedelta(seconds=500):
            await observer.look()
        (last,) = observer.frame.readings["table_indexes"]
        assert (asked("table_indexes"), last.rows) == (1, first.rows)
        assert last.taken_at > first.taken_at  # it is as good as one that was made just now
        while observer.frame.at < began + timedelta(seconds=700):
            await observer.look()
        assert asked("table_indexes") == 2


async def test_a_queue_of_locks_gets_older_without_a_read_until_somebody_joins_it(
    pg: Cluster, database: str, sessions: Sessions
) -> None:
    sessions.open().execute("BEGIN; LOCK TABLE item")
    _join(sessions)
    assert LOCK_QUEUES.steady
    queues = replace(LOCK_QUEUES, every=1.0, steady=replace(LOCK_QUEUES.steady, seconds=45.0))
    async with observing(pg, database, Ask("vitals", every=1), queues) as (observer, asked):
        await observer.look()
        first = _longest_wait(observer.frame)
        await observer.look()
        assert asked("lock_queues") == 1
        assert _longest_wait(observer.frame) > first
        _join(sessions)
        await observer.look()
        assert asked("lock_queues") == 2
        assert sum(not row["granted"] for row in observer.frame.rows("lock_queues")) == 2
        await observer.look()
        await observer.look()
        assert asked("lock_queues") == 2
        await observer.look()
        assert asked("lock_queues") == 3  # after 60 of its seconds


def _join(sessions: Sessions) -> None:
    """One more session waits for the table."""
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
    with sessions.server.connect() as other:
        (before,) = other.execute(waiting).fetchone() or (0,)
        sessions.run(sessions.open(), "BEGIN; LOCK TABLE item")
        wait(lambda: (other.execute(waiting).fetchone() or (0,))[0] > before)


def _longest_wait(frame: Frame) -> float:
    return max(number(row["wait_age"]) for row in frame.rows("lock_queues"))


async def test_what_was_changed_is_read_in_its_time_where_nothing_is_read_early(
    pg: Cluster, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("console.watching.early.EARLY", 0.0)
    ask = Ask("table_indexes", every=60, on_change=RELATIONS, unchanged=1e9)
    async with observing(pg, database, ask) as (observer, asked):
        await observer.look()
        with pg.connect(database) as other:
            other.execute("CREATE TABLE t (id int PRIMARY KEY)")
        await eventually(lambda: is_read_again(observer, asked, "table_indexes"))
        assert [row["table"] for row in observer.frame.rows("table_indexes")] == ["t"]


async def test_nothing_is_learned_from_a_reading_that_lacks_something(
    pg: Cluster, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pg.connect(database) as other:
        other.execute("CREATE TABLE t (id int PRIMARY KEY)")
    async with observing(pg, database, Ask("table_indexes", every=1)) as (observer, asked):
        await observer.look()
        before = observer.indexes
        assert [index.name for index in before.known.values()] == ["t_pkey"]
        whole = PostgresServer.fetch
        for lacks in ("some rows", "oid", "name", "target", "keys"):

            async def fetch(self: PostgresServer, query: str, *rest: Any, lacks: str = lacks) -> Snapshot:
                taken = await whole(self, query, *rest)
                return replace(taken, rows=(), is_partial=True) if lacks == "some rows" else without(taken, lacks)

            with monkeypatch.context() as server:
                server.setattr(PostgresServer, "fetch", fetch)
                await observer.look()
            assert observer.indexes is before, lacks
        await observer.look()
        assert (asked("table_indexes"), observer.indexes.gone, observer.indexes.at != before.at) == (7, (), True)
