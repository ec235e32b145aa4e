"""Of thousands of statements only those are sorted that may be among the 500 with the highest total time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from console.model import Snapshot, number
from console.sources.postgres import PostgresServer
from console.sources.postgres.together import Highest
from console.sql import Query
from tests.servers import PostgresServer as Cluster
from tests.servers import Servers

NOW = datetime(2026, 11, 1, tzinfo=UTC)
LISTED, MORE = 500, 40  # statements


def read(*totals: float, unknown: tuple[str, ...] = ()) -> Snapshot:
    """Statements with these totals."""
    return Snapshot("statements", ("calls", "total_ms"), tuple((1, total) for total in totals), NOW, unknown=unknown)


@pytest.mark.parametrize(
    ("taken", "parameters"),
    [
        (read(9.0, 5.0, 7.0), {"least": 5.0}),
        (read(9.0, 7.0), None),  # there are no more: any new statement is among them
        (read(), None),
        (read(9.0, 5.0, 7.0, unknown=("calls",)), None),  # it may be the column that is compared
    ],
)
def test_the_least_of_the_highest_is_where_the_next_read_begins(
    taken: Snapshot, parameters: Mapping[str, object] | None
) -> None:
    highest = Highest("statements", "statements_from", "least", "total_ms", 3)
    highest.learn(read(3.0, 2.0, 1.0))
    highest.learn(taken)
    assert highest.parameters == parameters


@pytest.fixture
def alone(pg_servers: Servers) -> Iterator[Cluster]:
    """A server of the test's own: on a shared one others run statements between two reads."""
    server = pg_servers.new(pg_servers.newest, {"shared_preload_libraries": "pg_stat_statements"})
    yield server
    server.stop()


async def test_the_heaviest_statements_are_the_same_however_they_are_found(
    alone: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: Counter[str] = Counter()
    rows = PostgresServer._read

    async def counted(server: PostgresServer, query: Query, *others: Any, **options: Any) -> Snapshot:
        sent[query.name] += 1
        return await rows(server, query, *others, **options)

    monkeypatch.setattr(PostgresServer, "_read", counted)
    reading, plain = PostgresServer(alone.uri("postgres")), PostgresServer(alone.uri("postgres"))
    try:
        with alone.connect("postgres") as other:
            other.execute("CREATE EXTENSION pg_stat_statements")
        with alone.connect(database := alone.fresh_database()) as other:
            for at in range(LISTED + MORE):
                signs = " 1 ".join(format(at, "010b").translate({ord("0"): "+", ord("1"): "-"}))
                other.execute(f"SELECT 1 {signs} 1".encode())
            await reading.fetch("statements")
            other.execute("SELECT pg_sleep(0.1)")
        before = sent.copy()
        again, every = await reading.fetch("statements"), await plain.fetch("statements")
        assert sent - before == {"statements_from": 1, "statements": 1}
        assert (again.name, again.sql, again.columns) == (every.name, every.sql, every.columns)
        assert len(again.rows) == len(every.rows) == LISTED
        # What reads them is counted too, in another database, and may have displaced some of the last.
        last = max(min(map(number, taken.values("total_ms"))) for taken in (again, every))
        found = counters(again, database, last)
        assert found == counters(every, database, last)
        assert max(total for *_, total in found) >= 100
        with alone.connect("postgres") as other:
            other.execute("SELECT pg_stat_statements_reset()")
        assert 0 < len((await reading.fetch("statements")).rows) < LISTED
    finally:
        await reading.close()
        await plain.close()


def counters(taken: Snapshot, database: str, above: float) -> set[tuple[Any, ...]]:
    """The statements of a database with so much time, each with its calls and total time."""
    names = ("database", "queryid", "userid", "toplevel", "calls", "total_ms")
    found: set[tuple[Any, ...]] = set(zip(*map(taken.values, names), strict=True))
    return {each for each in found if each[0] == database and each[-1] > above}
