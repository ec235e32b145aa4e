"""While many sessions wait and do nothing else, their locks are not read again."""

from __future__ import annotations

from contextlib import ExitStack, closing
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from console.model import Row, Snapshot
from console.sources.postgres import PostgresServer
from console.sources.postgres.steady_locks import AGAIN, MANY, SteadyLocks
from tests.servers import PostgresServer as Cluster
from tests.waiting import wait

NOW = datetime(2026, 11, 1, tzinfo=UTC)
COLUMNS = ("pid", "wants", "wait_age", "xact_age", "age", "holds")
HOLDER: Row = (1, None, None, 9.0, 8.0, "row")
WAITERS: tuple[Row, ...] = tuple((pid, "row", 5.0, 6.0, 7.0, None) for pid in range(2, MANY + 1))


def read(clock: float, *rows: Row) -> Snapshot:
    return Snapshot("locks", COLUMNS, rows or (HOLDER, *WAITERS), NOW, clock=clock)


def seen(clock: float, doing: int = 4711, waiting: int = len(WAITERS)) -> Snapshot:
    return Snapshot("locks_steady", ("waiting", "doing"), ((waiting, doing),), NOW, clock=clock)


@pytest.fixture
def locks() -> SteadyLocks:
    """They were read when it was known what all in them did."""
    found = SteadyLocks()
    assert found.parameters is None
    found.learn(read(48.0), None)
    assert found.parameters == {"pids": [1]}
    before = seen(49.9)
    assert found.known(before) is None
    found.learn(read(50.0), before)
    return found


def test_the_last_read_holds_with_the_ages_of_now(locks: SteadyLocks) -> None:
    assert locks.parameters == {"pids": [1]}
    taken = locks.known(seen(52.0))
    assert taken is not None
    assert taken.rows[:2] == ((1, None, None, 11.0, 10.0, "row"), (2, "row", 7.0, 8.0, 9.0, None))
    assert (taken.name, taken.columns, taken.clock, len(taken.rows)) == ("locks", COLUMNS, 52.0, MANY)


@pytest.mark.parametrize("now", [seen(52.0, doing=1), seen(52.0, waiting=1), seen(50.0 + AGAIN)])
def test_the_locks_are_read_once_anybody_does_something_else_and_now_and_then(
    locks: SteadyLocks, now: Snapshot
) -> None:
    assert locks.known(now) is None


def test_where_others_hold_locks_now_it_is_not_known_what_they_did(locks: SteadyLocks) -> None:
    assert locks.parameters
    other = (100, *HOLDER[1:])
    locks.learn(read(52.0, HOLDER, other, *WAITERS), seen(51.9))
    assert locks.known(seen(54.0)) is None
    assert locks.parameters == {"pids": [1, 100]}


def test_where_it_is_not_shown_who_waits_the_locks_are_read_again(locks: SteadyLocks) -> None:
    hidden = seen(51.9, waiting=0)
    locks.learn(read(52.0), hidden)
    assert locks.known(replace(hidden, clock=54.0)) is None


def test_few_locks_are_read_each_time(locks: SteadyLocks) -> None:
    locks.learn(read(52.0, HOLDER, *WAITERS[:3]), None)
    assert locks.parameters is None


def test_a_server_that_cannot_say_what_they_do_is_not_asked_again(locks: SteadyLocks) -> None:
    locks.refuse()
    locks.learn(read(52.0), None)
    assert locks.parameters is None


async def test_a_pile_up_is_read_once_while_nobody_moves(pg: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("console.sources.postgres.steady_locks.MANY", 2)
    server, sent = PostgresServer(pg.uri("postgres")), list[str]()
    fetch = server._read

    async def heard(query: object, *others: object, **options: object) -> Snapshot:
        sent.append(query.name)  # type: ignore[attr-defined]
        return await fetch(query, *others, **options)  # type: ignore[arg-type]

    server._read = heard  # type: ignore[method-assign]
    with ExitStack() as around:
        first, second, third = (around.enter_context(closing(pg.connect("postgres"))) for _ in range(3))
        third.autocommit = True
        first.execute("SELECT pg_advisory_lock(1)")
        second.pgconn.send_query(b"SELECT pg_advisory_lock(1)")
        held, waits = first.info.backend_pid, second.info.backend_pid
        waiting = "SELECT FROM pg_locks WHERE pid = %s AND NOT granted"
        wait(lambda: third.execute(waiting, (waits,)).fetchone() is not None)
        reads = [await server.fetch("locks") for _ in range(4)]
        assert sent == ["locks", "locks_steady", "locks", "locks_steady", "locks_steady"]
        assert [set(each.values("pid")) for each in reads] == [{held, waits}] * 4
        assert reads[3].columns == reads[0].columns
        at, pid = reads[0].index("wait_age"), reads[0].index("pid")
        ages = [float(str(next(row[at] for row in each.rows if row[pid] == waits))) for each in reads]
        assert ages == sorted(ages)
        first.execute("SELECT 1")  # it does something else
        await server.fetch("locks")
        assert sent[5:] == ["locks_steady", "locks"]
        first.execute("SELECT pg_advisory_unlock_all()")
        wait(lambda: third.execute(waiting, (waits,)).fetchone() is None)
        assert not (await server.fetch("locks")).rows
    await server.close()
