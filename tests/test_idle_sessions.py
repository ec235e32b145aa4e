"""Of sessions that stay idle no rows are read again: the console has those of the last read."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from dataclasses import replace
from datetime import UTC, datetime
from types import FrameType

import pytest

from console.model import Row, Snapshot
from console.panes.connections import sessions
from console.sources.postgres import PostgresServer, queries
from console.sources.postgres.idle_sessions import AGAIN, SURE, IdleSessions
from console.sources.postgres.reading import RECENT, STEADY
from tests.servers import PostgresServer as Cluster
from tests.waiting import wait

BOTH = "connections_vitals"
NOW = datetime(2026, 11, 1, tzinfo=UTC)
COLUMNS = ("pid", "state", "age", "xact_age", "xmin_age", "query", "since")
SIGNS = (7,)


def session(pid: int, state: str, age: float, since: float, xact_age: float | None = None) -> Row:
    return pid, state, age, xact_age, None, f"SELECT {pid}".encode(), since


IDLE, OTHER, ACTIVE = session(1, "idle", 60.0, 940.0), session(2, "idle", 20.0, 980.0), session(3, "active", 5.0, 995.0)
OWN = session(9, "active", 0.0, 1000.0)


def all_rows(*rows: Row) -> Snapshot:
    """A read of all rows, at 1000 s of the server's clock."""
    return Snapshot(BOTH, (*COLUMNS, "vitals"), (*((*row, None) for row in rows), (*OWN, SIGNS)), NOW, clock=50.0)


def others(pids: Sequence[int], at: float, *rows: Row) -> Snapshot:
    """A read without the sessions that have been idle for long."""
    own = (*OWN, list(pids), at, SIGNS)
    read = (*((*row, None, None, None) for row in rows), own)
    return Snapshot(RECENT, (*COLUMNS, "pids", "at", "vitals"), read, NOW, clock=52.0)


@pytest.fixture
def idle() -> IdleSessions:
    """Two idle sessions and one active one were read."""
    found = IdleSessions()
    found.learn(all_rows(IDLE, OTHER, ACTIVE))
    return found


def test_ages_of_idle_sessions_have_the_digits_of_the_server() -> None:
    found = IdleSessions()
    found.learn(all_rows(session(1, "idle", 60.1, 939.9), OTHER, ACTIVE))
    taken = found.whole(others((1,), 1002.3))
    assert taken is not None
    assert taken.values("age") == (62.4, 0.0)  # 1002.3 - 939.9 is 62.39999999999998


def test_a_session_that_stays_idle_takes_few_steps_at_each_read() -> None:
    rows = [session(pid, "idle", 60.0, 940.0) for pid in range(100, 400)]
    found, read = IdleSessions(), others(tuple(range(100, 400)), 1002.0)
    found.learn(all_rows(*rows))
    taken: list[Snapshot | None] = []
    assert calls(lambda: taken.append(found.whole(read))) <= 1.2 * len(rows)
    assert taken[0] is not None
    assert len(taken[0].rows) == len(rows) + 1


def test_a_session_that_neither_waits_nor_blocks_takes_few_steps() -> None:
    known = {
        "state": "idle",
        "age": 60.0,
        "application": "app",
        "user": "shop",
        "database": "shop",
        "query": b"SELECT 1",
    }
    unknown = ("leader_pid", "lock_id", "place", "wanted_mode", "holders", "held_modes")
    rows = tuple((pid, *known.values(), *(None for _ in unknown)) for pid in range(100, 400))
    read = Snapshot("connections", ("pid", *known, *unknown), rows, NOW)
    assert calls(lambda: sessions(read)) <= 1.3 * len(rows)


def calls(work: Callable[[], object]) -> int:
    """How often `work` calls or continues a function."""
    found = 0

    def count(frame: FrameType, event: str, argument: object) -> None:
        nonlocal found
        del frame, argument
        found += event == "call"

    former = sys.getprofile()
    sys.setprofile(count)
    try:
        work()
    finally:
        sys.setprofile(former)
    return found


def test_sessions_that_stay_idle_are_older_and_stand_where_they_stood(idle: IdleSessions) -> None:
    went_on = session(3, "active", 7.0, 995.0)
    taken = idle.whole(others((1, 3, 2), 1002.0, went_on))
    assert taken is not None
    older = [session(1, "idle", 62.0, 940.0), went_on, session(2, "idle", 22.0, 980.0)]
    assert taken.rows == (*((*row, None) for row in older), (*OWN, SIGNS))
    assert taken.columns == (*COLUMNS, "vitals")


def test_who_ended_is_gone_and_who_came_is_there(idle: IdleSessions) -> None:
    came = session(4, "idle", 1.0, 1001.0)
    taken = idle.whole(others((4, 2), 1002.0, came))
    assert taken is not None
    assert tuple(taken.values("pid")) == (4, 2, 9)
    again = idle.whole(others((4, 2), 1004.0))
    assert again is not None
    assert tuple(again.values("age")) == (3.0, 24.0, 0.0)


@pytest.mark.parametrize(
    ("pids", "at"),
    [
        ((1, 2, 3), 1002.0),  # of what was active the row of before is another one
        ((1, 2, 4), 1002.0),
        ((1, 2), 1000.0 + SURE),  # it may have done something since, and have been idle for long again
        ((1, 2), 999.0),  # the server's clock was set back
    ],
)
def test_all_rows_are_read_where_one_is_not_known(idle: IdleSessions, pids: Sequence[int], at: float) -> None:
    assert idle.whole(others(pids, at)) is None


def test_a_session_that_keeps_a_snapshot_or_a_transaction_is_read_again() -> None:
    found = IdleSessions()
    found.learn(all_rows(session(1, "idle", 60.0, 940.0, xact_age=1.0), OTHER))
    assert found.whole(others((1, 2), 1002.0)) is None
    assert found.whole(others((2,), 1002.0)) is not None


def test_all_rows_are_read_now_and_then_and_where_no_session_is_idle(idle: IdleSessions) -> None:
    assert idle.are_known(50.0)
    assert not idle.are_known(50.0 + SURE)  # what a read would say of them is then no proof: it would be for nothing
    for n in range(1, 31):
        read = idle.whole(replace(others((1, 2), 1000.0 + 2 * n), clock=50.0 + 2 * n))
        assert read is not None
    assert not idle.are_known(50.0 + AGAIN)
    idle.learn(all_rows(ACTIVE))
    assert not idle.are_known(50.0)


async def test_the_rows_are_those_of_a_read_of_all(any_pg: Cluster) -> None:
    server = PostgresServer(any_pg.uri("postgres"))
    with ExitStack() as around:
        sessions = [around.enter_context(closing(any_pg.connect("postgres"))) for _ in range(4)]
        for each in sessions:
            each.autocommit = True
            each.execute("SELECT 1")
        sessions[0].autocommit = False
        sessions[0].execute("SELECT 2")
        pids = [each.info.backend_pid for each in sessions]
        state = "SELECT count(*) FROM pg_stat_activity WHERE pid = ANY (%s) AND state LIKE 'idle%%'"
        wait(lambda: sessions[0].execute(state, (pids[1:],)).fetchone() == (3,))
        facts = await server.connect()
        chosen = queries.chosen(RECENT, facts)
        at_once = replace(chosen, text=chosen.text.replace("'10 s'", "'0 s'"))
        idle = IdleSessions()
        idle.learn(await server._read(queries.chosen(BOTH, facts), None))
        read = await server._read(at_once, None)
        taken = idle.whole(read)
        everything = await server._read(queries.chosen(BOTH, facts), None)
    await server.close()
    assert taken is not None
    seen = {row["pid"]: row for row in taken.records() if row["pid"] in pids}
    now = {row["pid"]: row for row in everything.records() if row["pid"] in pids}
    assert seen.keys() == now.keys() == set(pids)
    assert {row[0] for row in read.rows}.isdisjoint(pids[1:])
    ages = {"age", "xact_age"}
    for pid in pids:
        was, is_ = seen[pid], now[pid]
        assert {name: was[name] for name in was.keys() - ages} == {name: is_[name] for name in is_.keys() - ages}
        assert 0 <= float(str(is_["age"])) - float(str(was["age"])) < 60


async def test_only_the_first_read_of_a_pane_has_the_rows_of_idle_sessions(any_pg: Cluster) -> None:
    server, sent = PostgresServer(any_pg.uri("postgres")), list[str]()
    read = server._read

    async def heard(query: object, *others: object, **options: object) -> Snapshot:
        sent.append(query.name)  # type: ignore[attr-defined]
        return await read(query, *others, **options)  # type: ignore[arg-type]

    server._read = heard  # type: ignore[method-assign]
    with closing(any_pg.connect("postgres")) as other:
        other.execute("SELECT 1")
        other.commit()
        await server.fetch("vitals")
        for _ in range(4):
            server._together._due = 0.0
            taken = await server.fetch("connections")
            assert other.info.backend_pid in taken.values("pid")
    await server.close()
    assert sent[:3] == ["vitals", BOTH, RECENT]
    assert set(sent[3:]) <= {RECENT, STEADY}  # other tests may let sessions wait meanwhile
