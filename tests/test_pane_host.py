"""The pane Host and the CPU of each session: here, through the server, and what is reported where neither can be."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from console.model import Kind, Level, Snapshot, Trouble, number
from console.panes.host import BACKENDS, DISKS, HOST, OVERVIEW, PROCESSES, SPACE
from console.reading.reader import Reader, only
from console.sources.host.course import LEAST, HostCourse
from console.sources.host.files import LocalFiles, ServerFiles
from console.sources.host.place import READ_FILE, SERVER_FILES, ServerPlace
from console.sources.host.processes import MOST, Processes
from console.sources.host.readings import READINGS
from console.sources.host.source import HostSource
from console.sources.postgres import PostgresServer
from tests.activity import Sessions, console, other_sessions  # noqa: F401  a fixture, found by name
from tests.command import run
from tests.hosts import FakeHost, NoFiles
from tests.screens import console as screen
from tests.screens import screen_text, until
from tests.servers import PostgresServer as Cluster
from tests.sources import listen
from tests.waiting import eventually

ELSEWHERE = Path("/nonexistent")  # a /proc in which the server's process is not found
BUSY = "SELECT count(*) FROM generate_series(1, 1000000000) n WHERE n % 7 = 3"


@pytest.fixture
async def postgres(pg: Cluster, database: str) -> AsyncIterator[PostgresServer]:
    """The console's reading session."""
    async with console(pg, database) as reading:
        yield reading


def ticks(pid: int) -> float:
    """CPU seconds of a process of this machine."""
    parts = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(parts[11]) + int(parts[12])) / os.sysconf("SC_CLK_TCK")


def used_by(pid: int) -> tuple[float, float]:
    """The time, and the CPU seconds that a process has used by then."""
    return time.monotonic(), ticks(pid)


@pytest.mark.spread
@pytest.mark.parametrize("root", [Path("/"), ELSEWHERE], ids=["here", "through the server"])
async def test_cpu_of_a_session_agrees_with_its_process(
    pg: Cluster, database: str, postgres: PostgresServer, sessions: Sessions, root: Path
) -> None:
    del pg, database
    busy = sessions.open(application_name="busy")
    pid = busy.info.backend_pid
    sessions.run(busy, BUSY, waits=False)
    host = HostSource(postgres, root)
    await eventually(lambda: asyncio.sleep(0, ticks(pid) > 0.2))
    machine = Reader(OVERVIEW)
    await machine.read(host)
    first = [used_by(pid)]
    await host.fetch("host_processes")
    first.append(used_by(pid))
    await eventually(lambda: asyncio.sleep(0, time.monotonic() > first[1][0] + 2))
    second = [used_by(pid)]
    row = next(row for row in (await Reader(BACKENDS).read(host)).records() if row["pid"] == pid)
    second.append(used_by(pid))
    least = 100 * (second[0][1] - first[1][1]) / (second[1][0] - first[0][0])
    most = 100 * (second[1][1] - first[0][1]) / (second[0][0] - first[1][0])
    assert least - 5 < number(row["cpu_percent"]) < most + 5
    assert least > 1
    assert (row["who"], row["query"]) == ("busy", BUSY)
    assert number(row["memory"]) > 100_000
    shown = {line["metric"]: line for line in (await machine.read(host)).records()}
    assert number(shown["CPU"]["share"]) > 1


async def test_every_reading_of_this_machine_is_within_its_bounds(postgres: PostgresServer) -> None:
    host = HostSource(postgres)
    (row,) = (await host.fetch("host_overview")).records()
    assert number(row["cores"]) == os.cpu_count()
    assert 0 < number(row["memory_available"]) < number(row["memory_total"])
    disks = {place["what"]: place for place in (await host.fetch("host_disks")).records()}
    assert {"data directory", "pg_wal"} <= set(disks)
    assert all(0 < number(place["free"]) <= number(place["size"]) for place in disks.values())
    for query, reading in READINGS.items():
        taken = await host.fetch(query)
        assert taken.columns[: len(reading.columns)] == reading.columns
        assert all(len(found) == len(taken.columns) for found in taken.rows)
        assert host.text(query)


@pytest.mark.pg(">= 15")  # the setting is a later one
async def test_the_room_of_a_tablespace_is_shown(pg: Cluster, postgres: PostgresServer) -> None:
    with pg.connect() as session:
        session.execute("SET allow_in_place_tablespaces = on")
        session.execute("CREATE TABLESPACE far LOCATION ''")
        rows = {row["what"]: row for row in (await HostSource(postgres).fetch("host_disks")).records()}
        session.execute("DROP TABLESPACE far")
    assert rows["tablespace far"]["size"] == rows["data directory"]["size"]


async def test_a_server_elsewhere_is_read_through_it_or_not_at_all(
    pg: Cluster, database: str, postgres: PostgresServer
) -> None:
    through = HostSource(postgres, ELSEWHERE)
    taken = await through.fetch("host_overview")
    (row,) = taken.records()
    assert (row["how"], number(row["cores"])) == ("read through the server", os.cpu_count())
    disks = await through.fetch("host_disks")
    assert [why.kind for why in disks.hidden] == [Kind.UNSUPPORTED]
    assert set(disks.values("free")) == {None}
    assert "no function of PostgreSQL asks a file system for it" in disks.notes[0]
    room = {row["what"]: row for row in (await Reader(SPACE, lambda _: postgres).read(through)).records()}
    assert room["data directory"]["mount"]
    assert number(room["pg_wal"]["held"]) >= 16 << 20
    with pg.connect() as session:
        session.execute("DROP ROLE IF EXISTS looker")
        session.execute("CREATE ROLE looker LOGIN PASSWORD 'x' IN ROLE pg_monitor")
    reading = PostgresServer(f"{pg.uri(database, 'looker').split('?')[0]}?password=x")
    try:
        with pytest.raises(Trouble, match="Not measurable here") as caught:
            await HostSource(reading, ELSEWHERE).fetch("host_overview")
        assert caught.value.kind is Kind.DENIED
        assert caught.value.lacks.grants == (SERVER_FILES, READ_FILE)
        with pg.connect(database) as session:
            for statement in caught.value.lacks.statements("looker"):
                session.execute(statement.encode())
        (row,) = (await HostSource(reading, ELSEWHERE).fetch("host_overview")).records()
        assert number(row["memory_total"]) > 0
    finally:
        await reading.close()
        with pg.connect(database) as session:
            session.execute("DROP OWNED BY looker")
            session.execute("DROP ROLE looker")


async def test_a_process_of_the_same_number_is_no_proof(postgres: PostgresServer, tmp_path: Path) -> None:
    """A tunnel or a container's port leads to a server whose pid may exist here too."""
    host = FakeHost(tmp_path)

    def other(query: str, answer: Snapshot) -> None:
        row = next(iter(answer.records())) if query == "host_server" else None
        if row is not None:
            host.put(f"proc/{row['pid']}/cmdline", "postgres: other\0")
            host.put(f"proc/{row['pid']}/stat", f"{row['pid']} (postgres) S {' 0' * 18} 100000 0 0")
            host.write()

    listen(postgres, other)
    (row,) = (await HostSource(postgres, tmp_path).fetch("host_overview")).records()
    assert row["how"] == "read through the server"


async def test_a_file_that_cannot_be_read_costs_only_itself(pg: Cluster, postgres: PostgresServer) -> None:
    files = ServerFiles(postgres)
    found = await files.read(("/proc/loadavg", "/proc/self/mem", "/nonexistent/file"))
    assert found["/proc/loadavg"]
    assert found.get("/proc/self/mem") is None
    assert found["/nonexistent/file"] is None
    assert files.unreadable == {"/proc/self/mem"}
    assert LocalFiles.contents("/proc/self/mem") is None
    del pg


async def test_a_container_without_pressure_and_with_limits_is_judged_by_them(
    postgres: PostgresServer, tmp_path: Path
) -> None:
    files = {"db/memory.max": f"{1 << 30}", "db/memory.current": f"{1000 << 20}", "db/cpu.max": "100000 100000"}
    fake = FakeHost(tmp_path, limits=files)
    reader, host = Reader(OVERVIEW), fake.source(postgres)
    for at in range(6):
        fake.limits = {**files, "db/cpu.stat": f"usage_usec {at * 19_000_000}\nthrottled_usec {at * 4_000_000}\n"}
        shown = {row["metric"]: row for row in (await reader.read(host)).records()}
    assert (shown["CPU"]["level"], shown["memory"]["level"]) == ("ok", "ok")
    assert shown["container memory"]["level"] == "critical"
    assert number(shown["container CPU"]["share"]) == pytest.approx(95, abs=1)
    assert shown["container CPU"]["level"] in {"warning", "critical"}
    assert "throttled" in str(shown["container CPU"]["means"])
    assert (shown["waits for CPU"]["now"], shown["waits for CPU"]["share"]) == ("–", None)


async def test_a_slow_disk_stands_out_only_while_it_is_used(postgres: PostgresServer, tmp_path: Path) -> None:
    fake = FakeHost(tmp_path, read_ms=30.0, reads=100.0)
    host, reader = fake.source(postgres), Reader(DISKS)
    await reader.read(host)
    (row,) = (await reader.read(host)).records()
    column = next(column for column in DISKS.columns if column.name == "read_ms_each")
    assert column.rule is not None
    assert (row["read_ms_each"], row["holds"]) == (pytest.approx(30, rel=0.1), "data directory, pg_wal")
    assert column.rule.level(row[column.judged]) is Level.WARNING
    fake.reads = 2.0
    quiet = Reader(DISKS)
    await quiet.read(host)
    (row,) = (await quiet.read(host)).records()
    assert column.rule.level(row[column.judged]) is Level.OK


def sessions_of(pid: int, idle: int, busy: int) -> Snapshot:
    """Sessions that all are the process `pid`."""
    columns = ("pid", "backend_start", "state", "changed")
    rows = tuple((pid, at, "idle" if at < idle else "active", 1.0) for at in range(idle + busy))
    return Snapshot("host_sessions", columns, rows, datetime.now(UTC))


@pytest.mark.parametrize(("idle", "busy", "most"), [(320, 0, 0), (300, 20, 20), (0, 320, MOST)])
async def test_many_sessions_cost_no_more_than_the_busy_ones(idle: int, busy: int, most: int) -> None:
    asked: list[int] = []
    sleeping = b"7 (postgres) S 1 7 7 0 -1 0 0 0 0 0 5 5 0 0\n"

    class Files(NoFiles):
        async def processes(self, pids: object) -> dict[int, tuple[bytes | None, ...]]:
            assert isinstance(pids, list)
            asked.append(len(pids))
            return {7: (sleeping, None, None)}

    clock = iter(range(1000))
    known = Processes(lambda: float(next(clock)))
    place = ServerPlace(Files(), "/proc/7", 4096, {}, {}, None, True, (7, ""))
    for _ in range(80):
        taken = await known.read(place, sessions_of(7, idle, busy))
    assert asked[-1] == most
    assert set(taken.values("cpu_percent")) == {0.0}
    assert set(taken.values("read_rate")) == {None}


def test_what_is_sustained_is_judged_after_a_minute() -> None:
    course, busy = HostCourse(), []
    columns = ("cpu_busy", "cpu_iowait", "cpu_total", "memory_percent", "limit_cpus", "limit_cpu")
    for second in range(0, 400, 10):
        row = (1.9 * second, 0.0, 2.0 * second, 30.0, 1, 0.5 * second)
        taken = course.add(Snapshot("m", columns, (row,), datetime.now(UTC), clock=100.0 + second))
        busy.append(next(iter(taken.records()))["cpu_recent"])
    assert busy[int(LEAST / 10) - 1] is None
    assert busy[int(LEAST / 10)] == pytest.approx(95)
    assert next(iter(taken.records()))["limit_recent"] == pytest.approx(50)


@pytest.mark.host
async def test_the_screen_shows_every_view_of_the_host(pg: Cluster, database: str) -> None:
    async with screen(pg.uri(database), pane="host") as (app, pilot):
        for decisive in ("memory", "read ms", "pg_wal", "checkpointer"):
            await until(pilot, lambda decisive=decisive: decisive in screen_text(app))  # type: ignore[misc]
            await pilot.press("v")


@pytest.mark.host
def test_the_command_line_prints_rates_at_once(pg: Cluster, database: str, tmp_path: Path) -> None:
    done = run(tmp_path, "show", "host", "--view", "processes", "-t", pg.uri(database), "--sample", "0.3")
    assert "checkpointer" in done.out
    line = next(line for line in done.out.splitlines() if "checkpointer" in line)
    assert "%" in line


def test_views_of_sessions_leave_out_this_console_and_the_server_s_own_processes() -> None:
    columns = ("pid", "type", "own")
    rows = ((1, "client backend", False), (2, "client backend", True), (3, "checkpointer", None))
    taken = Snapshot("host_processes", columns, rows, datetime.now(UTC))
    assert only(taken, BACKENDS).values("pid") == (1,)
    assert only(taken, PROCESSES).values("pid") == (1, 2, 3)
    assert {HOST.source_of(view) for view in HOST.views} == {"host"}
    assert replace(BACKENDS).source == "host"
