"""Server: databases with their limits, and the archiver that fails."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from console.model import Level, Record, Rule, Snapshot, View
from console.panes.server import DATABASES, WAL
from console.reading.reader import Reader
from tests.activity import console
from tests.faults.servers import faulty
from tests.servers import PostgresServer as Running
from tests.servers import Servers
from tests.waiting import eventually


@pytest.fixture(scope="module")
def archiving(pg: Running, pg_servers: Servers) -> Iterator[Running]:
    with faulty(pg_servers, pg.major) as server:
        yield server


def level(view: View, column: str, row: Record) -> Level:
    """How serious the cell is."""
    [found] = [each for each in view.columns if each.name == column]
    assert found.rule is not None
    return found.rule.level(row[column])


async def read(server: Running, database: str, view: View, user: str = "pipeline_monitor") -> Snapshot:
    async with console(server, database, user) as reading:
        reader = Reader(view)
        await reader.read(reading)
        return await reader.read(reading)


async def test_a_database_shows_its_sessions_of_its_limit(pg: Running, database: str) -> None:
    with pg.connect(database) as owner:
        owner.execute(f"ALTER DATABASE {database} CONNECTION LIMIT 1".encode())
        taken = await read(pg, "postgres", DATABASES)
    [row] = [row for row in taken.records() if row["database"] == database]
    assert (row["sessions"], row["session_limit"], row["used_pct"]) == (1, 1, 100.0)
    assert level(DATABASES, "used_pct", row) is Level.CRITICAL
    assert int(str(row["size"])) > 1_000_000
    assert row["tps"] is not None
    assert level(DATABASES, "limit_pct", row) is Level.OK
    assert level(DATABASES, "limit_pct", {"limit_pct": 51.0}) is Level.CRITICAL


async def test_the_size_of_a_database_that_may_not_be_entered_is_unknown(pg: Running, database: str) -> None:
    with pg.connect(database) as owner:
        owner.execute(f"REVOKE CONNECT ON DATABASE {database} FROM PUBLIC".encode())
    for user, known in (("pipeline_app", False), ("pipeline_monitor", True)):
        rows = (await read(pg, "postgres", DATABASES, user)).records()
        assert [row["size"] is not None for row in rows if row["database"] == database] == [known]


async def test_wal_shows_its_rate_and_checkpoints(pg: Running, database: str) -> None:
    lines = {row["metric"]: row for row in (await read(pg, database, WAL)).records()}
    assert str(lines["WAL"]["value"]).endswith(("/s", "0"))
    assert {"timed checkpoints", "requested checkpoints", "archiver"} <= set(lines)
    assert lines["archiver"]["value"] == "off"


async def test_an_archiver_that_fails_is_marked_with_the_file(archiving: Running) -> None:
    with archiving.connect() as owner:
        owner.execute("ALTER SYSTEM SET archive_command = 'false'")
        owner.execute("SELECT pg_reload_conf()")
        owner.execute("SELECT pg_logical_emit_message(true, 'test', 'x')")
        owner.execute("SELECT pg_switch_wal()")

    async def fails() -> bool:
        lines = {row["metric"]: row for row in (await read(archiving, "postgres", WAL)).records()}
        archiver = lines["archiver"]
        if archiver["value"] != "failing":
            return False
        assert archiver["level"] in {"notice", "warning", "critical"}
        assert "last failed 0000" in str(archiver["means"])
        return True

    await eventually(fails)
    assert level(WAL, "level", {"level": "critical"}) is Level.CRITICAL
    assert all(isinstance(rule, Rule) for rule in WAL.rules)
