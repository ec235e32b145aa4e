"""While the same sessions wait for the same others, who blocks whom is not read again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from console.model import Row, Snapshot
from console.sources.postgres import PostgresServer, queries
from console.sources.postgres.reading import RECENT, STEADY
from console.sources.postgres.steady_waits import AGAIN, LOCKS, SteadyWaits
from tests.servers import PostgresServer as Cluster
from tests.servers import Servers
from tests.waiting import wait

NOW = datetime(2026, 11, 1, tzinfo=UTC)
COLUMNS = ("pid", "wait", *LOCKS, "query", "statement_start", "since", "vitals")
NONE = (None,) * len(LOCKS)
QUEUED = (1, 1, 64, [7], [64])


def row(pid: int, wait: str | None, locks: Sequence[object] = NONE, since: float = 990.0, began: str = "then") -> Row:
    return pid, wait, *locks, b"SELECT", began, since, None


HOLDER, WAITER, BESIDE = row(7, None), row(8, "Lock:tuple", QUEUED), row(9, "IO:DataFileRead")
UNREAD = row(8, "Lock:tuple")


def read(*rows: Row, clock: float = 50.0) -> Snapshot:
    return Snapshot(RECENT, COLUMNS, rows, NOW, clock=clock)


@pytest.fixture
def waits() -> SteadyWaits:
    """One session waits for another one, at two reads."""
    found = SteadyWaits()
    found.learn(read(HOLDER, WAITER, BESIDE, clock=48.0))
    assert not found.are_known(48.0)  # it may have gone a moment later
    found.learn(read(HOLDER, WAITER, BESIDE))
    return found


def test_who_still_waits_has_the_lock_and_the_holders_of_the_last_read(waits: SteadyWaits) -> None:
    assert waits.are_known(50.0)
    other = row(10, None)
    taken = waits.filled(read(HOLDER, UNREAD, other))
    assert taken is not None
    assert taken.rows == (HOLDER, WAITER, other)


@pytest.mark.parametrize(
    "rows",
    [
        (HOLDER, BESIDE),  # it waits no more
        (HOLDER, row(8, None)),
        (HOLDER, row(8, "Lock:tuple", since=991.0)),  # it waits again
        (HOLDER, row(8, "Lock:tuple", began="now")),
        (HOLDER, UNREAD, row(9, "Lock:tuple")),  # somebody else does, too
        (row(7, None, since=991.0), UNREAD),  # whom it waits for has ended its transaction
        (UNREAD,),
    ],
)
def test_the_locks_are_read_once_anybody_does_something_else(waits: SteadyWaits, rows: Sequence[Row]) -> None:
    assert waits.filled(read(*rows)) is None
    assert not waits.are_known(50.0)


def test_the_locks_are_read_now_and_then(waits: SteadyWaits) -> None:
    assert waits.are_known(50.0 + 0.9 * AGAIN)
    assert not waits.are_known(50.0 + AGAIN)


@pytest.mark.parametrize(
    "rows",
    [
        (HOLDER, UNREAD),  # it began to wait after the locks were read, or before
        (HOLDER, row(8, None, QUEUED)),
        (WAITER,),  # a prepared transaction holds it, or a session that is not listed
    ],
)
def test_who_waits_for_somebody_unseen_is_not_known(rows: Sequence[Row]) -> None:
    found = SteadyWaits()
    for _ in range(2):
        found.learn(read(*rows))
    assert not found.are_known(50.0)


def test_where_nobody_waits_the_rows_are_those_that_were_read() -> None:
    found = SteadyWaits()
    for _ in range(2):
        found.learn(read(HOLDER, BESIDE))
    assert found.are_known(50.0)
    taken = read(BESIDE)
    assert found.filled(taken) is taken


@pytest.fixture
def alone(pg_servers: Servers) -> Iterator[Cluster]:
    """A server on which no other test lets sessions wait."""
    server = pg_servers.new(pg_servers.newest, {})
    yield server
    server.stop()


async def test_the_rows_are_those_of_a_read_with_the_locks(any_pg: Cluster) -> None:
    server = PostgresServer(any_pg.uri("postgres"))
    with ExitStack() as around:
        first, second, third = (around.enter_context(closing(any_pg.connect("postgres"))) for _ in range(3))
        first.execute("SELECT pg_advisory_lock(11, 4712)")
        second.pgconn.send_query(b"SELECT pg_advisory_lock(11, 4712)")
        waiting = "SELECT FROM pg_locks WHERE classid = 11 AND objid = 4712 AND NOT granted"
        third.autocommit = True
        wait(lambda: third.execute(waiting).fetchone() is not None)
        facts = await server.connect()
        holder, waiter = first.info.backend_pid, second.info.backend_pid

        async def rows(query: str) -> Snapshot:
            taken = await server._read(queries.chosen(query, facts), None)
            return replace(taken, rows=tuple(row for row in taken.rows if row[0] in (holder, waiter)))

        waits = SteadyWaits()
        waits.learn(await rows(RECENT))
        taken = waits.filled(await rows(STEADY))
        now = await rows(RECENT)
        first.execute("SELECT pg_advisory_unlock_all()")
    await server.close()
    assert taken is not None
    assert taken.columns == now.columns
    known, again = ([*zip(*map(found.values, LOCKS[1:]), strict=True)] for found in (taken, now))
    assert known == again
    assert [holder] in [holders for _, _, holders, _ in known]


async def test_only_the_first_reads_of_a_pane_have_the_locks(alone: Cluster) -> None:
    server, sent = PostgresServer(alone.uri("postgres")), list[str]()
    fetch = server._read

    async def heard(query: object, *others: object, **options: object) -> Snapshot:
        sent.append(query.name)  # type: ignore[attr-defined]
        return await fetch(query, *others, **options)  # type: ignore[arg-type]

    server._read = heard  # type: ignore[method-assign]

    async def blockers(pid: int) -> object:
        server._together._due = 0.0
        taken = await server.fetch("connections")
        return next(each["holders"] for each in taken.records() if each["pid"] == pid)

    with ExitStack() as around:
        first, second, third = (around.enter_context(closing(alone.connect("postgres"))) for _ in range(3))
        third.execute("SELECT 1")
        third.commit()  # an idle session
        first.execute("SELECT pg_advisory_lock(1)")
        second.pgconn.send_query(b"SELECT pg_advisory_lock(1)")
        held, waits = first.info.backend_pid, second.info.backend_pid
        waiting = "SELECT FROM pg_locks WHERE pid = %s AND NOT granted"
        wait(lambda: first.execute(waiting, (waits,)).fetchone() is not None)
        await server.fetch("vitals")
        assert [await blockers(waits) for _ in range(4)] == [[held]] * 4
        assert sent == ["vitals", "connections_vitals", RECENT, STEADY, STEADY]
        first.execute("SELECT pg_advisory_unlock_all()")
        wait(lambda: first.execute(waiting, (waits,)).fetchone() is None)
        assert await blockers(waits) is None
        assert sent[5:] == [STEADY, RECENT]
    await server.close()
