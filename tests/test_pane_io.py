"""I/O: what a workload reads, writes and extends, and what is said where it cannot be known."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import pytest

from console.model import Kind, Level, Snapshot, Trouble
from console.panes.io import IO
from console.reading.reader import Reader
from console.rules.server import BACKEND_FSYNCS_PER_SECOND, IO_WAIT_MS_PER_SECOND
from tests.activity import console
from tests.servers import PostgresServer as Running
from tests.waiting import PATIENCE

NOW, TOTALS = IO.views
NORMAL = ("client backend", "relation", "normal")
GROWN = 10_000_000  # bytes of 20,000 rows of 500 bytes


def rows(snapshot: Snapshot) -> Mapping[tuple[object, ...], Mapping[str, object]]:
    return {(row["backend_type"], row["object"], row["context"]): row for row in snapshot.records()}


def written(snapshot: Snapshot) -> int:
    """Bytes by which client backends extended relations."""
    found = [row["extend_bytes"] for row in snapshot.records() if row["backend_type"] == "client backend"]
    return sum(value for value in found if isinstance(value, int))


@pytest.mark.pg(">= 16")
async def test_a_table_that_grows_is_seen_as_bytes_of_client_backends(pg: Running, database: str) -> None:
    async with console(pg, database) as reading:
        reader = Reader(NOW)
        first = await reader.read(reading)
        with pg.connect(database) as writer:
            writer.execute("CREATE TABLE grown AS SELECT g, repeat('x', 500) FROM generate_series(1, 20000) g")
        async with asyncio.timeout(PATIENCE):  # the counters of a session arrive with its end
            while written(await reader.read(reading)) < written(first) + GROWN:
                pass
        last = await reader.read(reading)
    assert rows(first)[NORMAL]["extend_rate"] is None
    assert rows(last)[NORMAL]["extend_rate"] is not None
    assert 0 < float(str(rows(last)[NORMAL]["hit"])) <= 100


@pytest.mark.pg(">= 16")
async def test_bytes_are_whole_blocks(pg: Running, database: str) -> None:
    async with console(pg, database) as reading:
        taken = await Reader(TOTALS).read(reading)
    relations = [row for row in taken.records() if row["object"] == "relation" and row["read_bytes"]]
    assert relations
    assert {int(str(row["read_bytes"])) % 8192 for row in relations} == {0}
    assert all(int(str(row["read_bytes"])) >= 8192 * int(str(row["reads"])) for row in relations)


@pytest.mark.pg(">= 16")
async def test_times_are_unknown_while_they_are_not_measured(pg: Running, database: str) -> None:
    note = "times are not measured: track_io_timing is off"
    for timed in ("off", "on"):
        with pg.connect(database) as owner:
            owner.execute(f"ALTER DATABASE {database} SET track_io_timing = {timed}".encode())
        async with console(pg, database) as reading:
            taken = await Reader(NOW).read(reading)
        with pg.connect(database) as owner:
            owner.execute(f"ALTER DATABASE {database} RESET track_io_timing".encode())
        assert (note in taken.notes) is (timed == "off")
        assert (rows(taken)[NORMAL]["io_ms"] is None) is (timed == "off")


@pytest.mark.pg("< 16")
async def test_an_older_server_is_answered_in_one_sentence(pg: Running, database: str) -> None:
    async with console(pg, database) as reading:
        for view in IO.views:
            with pytest.raises(Trouble, match=r"needs PostgreSQL 16 or later") as caught:
                await Reader(view).read(reading)
            assert caught.value.kind is Kind.UNSUPPORTED


def test_waiting_processes_and_backends_that_fsync_stand_out() -> None:
    assert IO_WAIT_MS_PER_SECOND.level(900.0) is Level.OK
    assert IO_WAIT_MS_PER_SECOND.level(1500.0) is Level.WARNING
    assert BACKEND_FSYNCS_PER_SECOND.level(3.0) is Level.WARNING
    judged = {column.rule for view in IO.views for column in view.columns if column.rule}
    assert judged == {IO_WAIT_MS_PER_SECOND, BACKEND_FSYNCS_PER_SECOND}
