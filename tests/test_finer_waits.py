"""Waits as pg_wait_sampling samples them: shares of a known mix on a real server, what its rows mean, and the ring."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pytest

from console.model import Record
from console.series import wait_rows
from console.series.waits import CPU, IDLE_IN_TRANSACTION, Ring, SampledSession
from console.sources.registry import Sources
from console.watching.finer_waits import HISTORY, sample
from console.watching.waits import Waits
from tests.activity import console
from tests.servers import PostgresServer as Cluster
from tests.servers import Servers
from tests.waiting import eventually

NAME = "known mix"
LIBRARIES = {"shared_preload_libraries": "pg_stat_statements,pg_wait_sampling"}
START = 1_800_000_000.0


@pytest.fixture(scope="module", name="sampling")
def a_server_that_samples(pg_servers: Servers) -> Iterator[Cluster]:
    major = next((major for major in sorted(pg_servers) if has_extension(pg_servers[major])), None)
    if major is None:
        pytest.skip("no server with pg_wait_sampling")
    server = pg_servers.new(major, LIBRARIES)
    with server.connect() as session:
        session.execute("CREATE EXTENSION pg_wait_sampling")
        session.execute("CREATE TABLE item (n int)")
    yield server
    server.stop()


def has_extension(cluster: Cluster) -> bool:
    with cluster.connect() as session:
        query = "SELECT FROM pg_available_extensions WHERE name = 'pg_wait_sampling'"
        return session.execute(query).fetchone() is not None


@pytest.fixture(name="mix")
def known_mix(sampling: Cluster) -> Iterator[Mapping[str, int]]:
    """So many sessions of each class until the test ends, and one that is idle."""
    opened = [sampling.connect(application_name=NAME) for _ in range(7)]
    holder, *others = opened
    holder.execute("BEGIN; LOCK TABLE item IN SHARE MODE")
    statements = (
        ("SELECT pg_sleep(3600)",) * 2,
        ("UPDATE item SET n = 1",),
        ("DO $$ BEGIN LOOP NULL; END LOOP; END $$",),
    )
    for session, statement in zip(others, (each for group in statements for each in group), strict=False):
        session.pgconn.send_query(statement.encode())
    copying = others[4]
    copying.execute("CREATE TEMP TABLE rows_to_come (n int)")
    copying.pgconn.send_query(b"COPY rows_to_come FROM STDIN")
    yield {"Timeout": 2, "Lock": 1, CPU: 1, IDLE_IN_TRANSACTION: 1, "Client": 1}
    with sampling.connect() as other:
        other.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = %s", (NAME,))
    for session in opened:
        session.close()


async def test_shares_of_a_known_mix_come_from_samples_of_the_server(sampling: Cluster, mix: Mapping[str, int]) -> None:
    async with console(sampling, "postgres") as reading:

        async def seen(waits: Waits) -> dict[str, float]:
            rows = (await waits.fetch("wait_applications")).records()
            return {str(row["class"]): float(str(row["aas"])) for row in rows if row["who"] == NAME}

        async def is_running() -> bool:
            return await seen(Waits(Sources(reading))) == pytest.approx(mix, rel=0.01)

        await eventually(is_running)
        waits = Waits(Sources(reading))

        async def has_many() -> bool:
            await seen(waits)
            return waits.ring.window(60).looks > 100

        await eventually(has_many)
        assert await seen(waits) == pytest.approx(mix, rel=0.05)
        window = waits.ring.window(60)
        assert window.own == 0
        found = await waits.fetch("wait_classes")
        assert " samples of pg_wait_sampling over " in found.notes[0]
        events = {(row["class"], row["event"]) for row in (await waits.fetch("wait_events_seen")).records()}
        assert {("Timeout", "PgSleep"), ("Lock", "relation"), ("Client", "ClientRead")} <= events
        sleepers = [row for row in (await waits.fetch("wait_statements")).records() if row["event"] == "PgSleep"]
        assert "pg_sleep" in str(sleepers[0]["seen_text"])


async def test_where_the_library_is_not_loaded_the_own_samples_stand(pg_servers: Servers, any_pg: Cluster) -> None:
    server = next((each for each in pg_servers.values() if has_extension(each)), None)
    if server is None:
        pytest.skip("no server with pg_wait_sampling")
    name = server.fresh_database()
    with server.connect(name) as session:
        session.execute("CREATE EXTENSION pg_wait_sampling")
    async with console(server, name) as reading:
        waits = Waits(Sources(reading))
        found = await waits.fetch("wait_classes")
        assert reading.obstacle(HISTORY) is None
    assert found.notes[0].startswith("window 5m: 1 sample over")
    assert found.notes[1].startswith("own samples, as pg_wait_sampling cannot be read: ")
    assert waits.ring.window(60).own == 1


COLUMNS = ("pid", "backend", "state", "class", "event", "query_id", "application", "user", "times", "samples", "last")
AT = "2026-11-29 17:57:10.573737+00"
CLIENT = "client backend"
RECORDED = (  # of version 1.1 on PostgreSQL 15, with one row as later versions say it
    (13684, CLIENT, "active", "Timeout", "PgSleep", 440101247839410938, "sleeper", "app", 95, 95, AT),
    (13687, CLIENT, "idle in transaction", "Client", "ClientRead", None, "tx", "app", 95, 95, AT),
    (13681, CLIENT, "active", None, None, -7074313168548456347, "cpu", "app", 60, 95, AT),
    (13681, CLIENT, "active", "IO", "DataFileRead", -7074313168548456347, "cpu", "app", 35, 95, AT),
    (13690, None, "active", None, None, None, None, None, 95, 95, AT),  # of a role that this one may not see
    (13691, "autovacuum worker", "active", "Timeout", "VacuumDelay", None, "", "app", 19, 95, AT),
)


def recorded() -> list[Record]:
    return [dict(zip(COLUMNS, row, strict=True)) for row in RECORDED]


def test_the_rows_of_the_history_are_sessions_with_how_often_they_were_seen() -> None:
    found = sample(recorded())
    assert found.looks == 95
    assert {(each.wait_class, each.event, each.pid): times for each, times in found.times.items()} == {
        ("Timeout", "PgSleep", 13684): 95,
        (IDLE_IN_TRANSACTION, "ClientRead", 13687): 95,
        (CPU, "", 13681): 60,
        ("IO", "DataFileRead", 13681): 35,
        ("Timeout", "VacuumDelay", 13691): 19,
    }


def test_looks_and_own_samples_add_up_to_averages_of_their_seconds() -> None:
    """Ten seconds of which the server looked a hundred times each, and ten with one sample each."""
    ring = Ring()
    for second in range(10):
        ring.add_looks(
            *(100.0 + second, START + second, 100),
            {SampledSession("IO", pid=1): 50, SampledSession(CPU, pid=1): 50, SampledSession("Lock", pid=2): 100},
        )
    for second in range(10, 20):
        ring.add(100.0 + second, START + second, [SampledSession("IO", pid=1)])
    window = ring.window(60)
    assert window.average(lambda seen: seen.wait_class) == pytest.approx({"IO": 0.75, CPU: 0.25, "Lock": 0.5})
    assert (window.own, window.looks, window.samples, window.seen) == (10, 1000, 20, 30)
    assert ring.size == 40  # bounded by what differs, not by how often it was looked at
    (note,) = wait_rows.notes(wait_rows.measured(ring, 60), wait_rows.Known())
    assert note.startswith("window 1m: 1000 samples of pg_wait_sampling and 10 own samples over 20s")
    _, course = ring.course(60, 20)
    assert next(slot for slot in course if slot) == pytest.approx({"IO": 0.75, CPU: 0.25, "Lock": 0.5}, rel=0.2)
