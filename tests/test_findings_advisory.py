"""Advisory locks that a session of a shared pool keeps: which are left there, and which are somebody's in earnest."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from console.model import CannotTell, Finding, Frame, Record, Snapshot
from console.rules.findings.advisory import QUERY, leaked, shared_pools
from console.sources.postgres import PostgresServer as Source
from tests.activity import Sessions, other_sessions  # noqa: F401  a fixture, found by name
from tests.servers import PostgresServer

NOON = datetime(2026, 11, 29, 12, tzinfo=UTC)
POOL: Record = {"pooler": "p1", "database": "shop", "user": "app", "pool_mode": "transaction"}
SESSION: Record = {
    "pid": 7,
    "backend_start": "2026-11-29 10:00:00+00",
    "user": "app",
    "application": "web",
    "client": "10.0.0.8",
    "client_port": 4000,
    "since": 1.0,
    "database": "shop",
    "session_age": 7_200.0,
    "query": b"SELECT pg_advisory_lock(17)",
    "idle": True,
    "keys": ["17"],
    "pooler": "p1",
}


def snapshot(name: str, rows: Sequence[Record], at: datetime) -> Snapshot:
    columns = tuple(SESSION) if name == QUERY else tuple(POOL)
    return Snapshot(name, columns, tuple(tuple(row.values()) for row in rows), at)


def found(*readings: Sequence[Record], pools: tuple[Record, ...] = (POOL,)) -> list[Finding]:
    """The findings after readings of the sessions, a minute from each to the next."""
    taken = [snapshot(QUERY, rows, NOON + timedelta(minutes=at)) for at, rows in enumerate(readings)]
    last = taken[-1].taken_at
    return list(leaked(Frame({QUERY: tuple(taken), "pooler_pools": (snapshot("pools", pools, last),)}, last)))


OTHER: Record = {**SESSION, "keys": ["18"]}
LATER: Record = {**SESSION, "backend_start": "2026-11-29 11:00:00+00"}
BUSY: Record = {**SESSION, "idle": False}
BOTH: Record = {**SESSION, "keys": ["17", "18"]}


@pytest.mark.parametrize(
    ("readings", "which"),
    [
        ([[SESSION], [SESSION], [SESSION]], "1 advisory lock: 17; it has held it at each reading for 2m"),
        ([[SESSION], [BUSY], [BUSY]], "1 advisory lock: 17"),  # busy with other clients since
        ([[BUSY], [BUSY], [BUSY]], ""),  # perhaps locks of transactions
        ([[BUSY], [SESSION], [SESSION]], ""),
        ([[SESSION], [], [SESSION]], ""),
        ([[BOTH], [BOTH], [BOTH]], "2 advisory locks: 17, 18; it has held them"),
        ([[SESSION], [BOTH], [BOTH]], "1 advisory lock: 17"),
        ([[SESSION], [SESSION]], ""),  # a minute is no leak
        ([[SESSION], [OTHER], [SESSION]], ""),  # released in between, and taken again
        ([[SESSION], [SESSION], [LATER]], ""),  # another session with the same pid
        ([[SESSION], [SESSION], []], ""),
    ],
)
def test_a_lock_is_left_that_a_session_held_idle_and_at_every_reading_since(
    readings: Sequence[Sequence[Record]], which: str
) -> None:
    sentences = [one.sentence for one in found(*readings)]
    assert len(sentences) == bool(which)
    assert all(which in sentence and "session 7 of app" in sentence for sentence in sentences)
    assert [fix.action for one in found(*readings) for fix in one.fixes] == ["terminate-backend"] * bool(which)


@pytest.mark.parametrize(
    ("session", "pools", "is_found"),
    [
        ({}, [{"pool_mode": "statement"}], True),
        ({}, [{"pool_mode": "session"}], False),
        ({}, [{}, {"database": "job", "pool_mode": "session"}], False),  # it may be of either pool
        ({}, [{}, {"pooler": "p2", "pool_mode": "session"}], True),
        ({}, [{}, {"user": "job", "pool_mode": "session"}], True),
        ({"user": "job"}, [{}], False),
        ({"pooler": None}, [{}], False),  # without a pooler it may elect a leader
    ],
)
def test_only_sessions_that_clients_share_can_have_lost_theirs(
    session: Record, pools: Sequence[Record], is_found: bool
) -> None:
    row = {**SESSION, **session}
    rows: tuple[Record, ...] = tuple({**POOL, **pool} for pool in pools)
    assert bool(found([row], [row], [row], pools=rows)) is is_found


def test_one_reading_tells_nothing_and_pools_of_sessions_need_none() -> None:
    with pytest.raises(CannotTell, match="second reading"):
        found([SESSION])
    assert found([]) == []
    pools: Sequence[Record] = [
        {**POOL, "pool_mode": "session"},
        {**POOL, "database": "pgbouncer", "pool_mode": "statement"},
    ]
    assert not shared_pools(Frame({"pooler_pools": (snapshot("pools", pools, NOON),)}, NOON))


async def test_locks_are_read_with_whether_their_session_is_idle_and_none_of_the_console(
    pg: PostgresServer, database: str, sessions: Sessions
) -> None:
    idle = sessions.open(application_name="job")
    idle.execute("SELECT pg_advisory_lock(4294967298), pg_advisory_lock_shared(-1, -2)")
    busy = sessions.open(application_name="busy")
    busy.execute("BEGIN; SELECT pg_advisory_xact_lock(1)")
    sessions.open(application_name="pipeline-console act").execute("SELECT pg_advisory_lock(2)")
    sessions.open().execute("SELECT pg_advisory_lock(hashtext('pipeline-console'), 3)")
    server = Source(pg.uri(database))
    try:
        records = (await server.fetch(QUERY)).records()
    finally:
        await server.close()
    here = {row["pid"]: (row["idle"], row["keys"]) for row in records if row["database"] == database}
    assert here == {
        idle.info.backend_pid: (True, ["(-1, -2)", "4294967298"]), busy.info.backend_pid: (False, ["1"])
    }  # fmt: skip
