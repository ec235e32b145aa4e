"""Servers that say nothing, nonsense, or very little at a time: every wait ends, with a word about it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import struct
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from console.doctor import Check, Status, examine
from console.doctor.pace import Checking, Pace
from console.model import Claim, Facts, Haste, Kind, Outcome, Plan, Standalone, Step, Transaction, Trouble
from console.opening import sources_for
from console.running.trail.audit import Trail
from console.settings import config
from console.settings.config import Wanted
from console.sources.pgbouncer.admin import PgBouncerServer
from console.sources.postgres import ActingSession, PostgresServer, connecting
from console.sources.replay import Replay
from console.workspace import Workspace
from tests.command import argv, environment
from tests.servers import PostgresServer as Running
from tests.waiting import eventually

LIMIT = 100.0  # seconds within which every wait must have ended, on a busy machine too
STOPPED = 9.0  # the driver alone would wait ten seconds

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@contextlib.asynccontextmanager
async def fake(talk: Talk) -> AsyncIterator[str]:
    """A server on loopback that talks like this to each client; its URI."""
    clients: dict[asyncio.Task[None], asyncio.StreamWriter] = {}

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            await talk(reader, writer)

    def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        clients[asyncio.get_running_loop().create_task(serve(reader, writer))] = writer

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    try:
        yield f"postgresql://u@127.0.0.1:{server.sockets[0].getsockname()[1]}/d?connect_timeout=2&gssencmode=disable"
    finally:
        server.close()
        for task, writer in clients.items():
            task.cancel()
            writer.transport.abort()
        await asyncio.gather(*clients)


def message(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("!i", len(body) + 4) + body


def setting(name: str, value: str) -> bytes:
    return message(b"S", f"{name}\0{value}\0".encode())


READY = message(b"Z", b"I")
BOUNCER = setting("server_version", "1.18.0/bouncer")
WELCOME = (
    message(b"R", struct.pack("!i", 0))
    + setting("server_version", "15.4")
    + setting("server_encoding", "UTF8")
    + setting("client_encoding", "UTF8")
    + setting("standard_conforming_strings", "on")
    + message(b"K", struct.pack("!ii", 7, 7))
    + READY
)
NO_ROW = message(b"T", struct.pack("!h", 0)) + message(b"C", b"SELECT 0\0") + READY


async def startup(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
    """The client's start-up message, once it has given up encryption."""
    while True:
        size = struct.unpack("!i", await reader.readexactly(4))[0]
        body = await reader.readexactly(size - 4)
        if struct.unpack("!i", body[:4])[0] != 80877103:
            return body
        writer.write(b"N")


async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Accepts, and says nothing."""
    await reader.read(-1)


async def garbled(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Sends bytes that are no protocol, without end."""
    await startup(reader, writer)
    while True:
        writer.write(os.urandom(64))
        await writer.drain()
        await asyncio.sleep(0.05)


async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Announces a message of a gigabyte and sends a byte of it now and then."""
    await startup(reader, writer)
    writer.write(WELCOME)
    await reader.read(1)
    writer.write(b"T" + struct.pack("!i", 2**29))
    while True:
        writer.write(b"x")
        await writer.drain()
        await asyncio.sleep(0.05)


async def welcoming(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Lets in, and answers nothing."""
    await startup(reader, writer)
    writer.write(WELCOME)
    await reader.read(-1)


async def refusing_options(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answers as a pooler does, and is silent to who wants start-up options."""
    if b"options\0" in await startup(reader, writer):
        await reader.read(-1)
    writer.write(WELCOME)
    await reader.read(1)
    writer.write(NO_ROW)
    await reader.read(-1)


FAKES = (silent, garbled, endless, welcoming, refusing_options)


@pytest.fixture
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connecting, "CONNECT_SECONDS", 1)


@pytest.mark.usefixtures("_impatient")
@pytest.mark.parametrize("talk", FAKES)
async def test_no_server_keeps_a_read_waiting(talk: Talk) -> None:
    async with fake(talk) as uri, asyncio.timeout(LIMIT):
        reading = PostgresServer(uri)
        with pytest.raises(Trouble) as caught:
            await reading.fetch("connections")
        await reading.close()
    assert caught.value.kind is Kind.UNREACHABLE
    assert caught.value.remedy


@pytest.mark.usefixtures("_impatient")
@pytest.mark.parametrize("talk", FAKES)
async def test_no_server_keeps_the_pooler_pane_waiting(talk: Talk) -> None:
    async with fake(talk) as uri, asyncio.timeout(LIMIT):
        pooler = PgBouncerServer(uri)
        with pytest.raises(Trouble):
            await pooler.fetch("pooler_pools")
        await pooler.close()


@pytest.mark.usefixtures("_impatient")
@pytest.mark.parametrize("talk", FAKES)
async def test_no_server_keeps_doctor_waiting(talk: Talk) -> None:
    async with fake(talk) as uri, asyncio.timeout(LIMIT):
        wanted = Wanted(uri)
        sources = sources_for(wanted)
        report = await examine(sources, wanted, config.load(environ={}))
        await sources.close()
    (lost,) = report.of("server")
    assert (lost.name, lost.state) == ("reached", Status.CANNOT)


class Network:
    """A way to a real server on which packets can be late, or stop."""

    def __init__(self, server: Running) -> None:
        self._server = server
        self.late = 0.0
        self.open = asyncio.Event()
        self.open.set()

    def freeze(self) -> None:
        self.open.clear()

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection(self._server.host, self._server.port)
        try:
            await asyncio.gather(self._carry(reader, far_writer), self._carry(far_reader, writer))
        finally:
            far_writer.transport.abort()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(1500):
            await asyncio.sleep(self.late)
            await self.open.wait()
            writer.write(data)
            await writer.drain()
        writer.close()


async def test_doctor_says_what_it_checks_and_ends_when_a_server_is_slow(pg: Running, database: str) -> None:
    network = Network(pg)
    network.late = 0.03
    said: list[str] = []
    async with fake(network) as uri, asyncio.timeout(LIMIT):
        wanted = Wanted(_through(uri, pg, database))
        sources = sources_for(wanted)
        report = await examine(sources, wanted, config.load(environ={}), watch=said.append, seconds=8)
        await sources.close()
    assert said[:2] == ["the server", "the role"]
    assert report.server is not None
    assert "in time" in {check.name for check in report.of("server")}
    assert report.of("role"), "what was checked in time is reported"


async def test_doctor_gives_panes_rules_and_actions_their_share_and_names_what_it_left_out(
    pg: Running, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = Wanted(pg.uri(database))
    sources = sources_for(wanted)
    server = sources.postgres
    await server.connect()
    monkeypatch.setattr("console.doctor.FOR_PANES", -1.0)  # the panes have had their time already
    report = await examine(sources, wanted, config.load(environ={}), seconds=600)
    await server.fetch("vitals")  # what comes later is read again
    await sources.close()
    assert {check.state for check in report.of("pane") if check.name in {"connections", "locks"}} == {Status.UNKNOWN}
    assert [check for check in report.of("rule") if "no time left" in check.why] == []
    assert [check for check in report.of("action") if "no time left" in check.why] == []


class Shares(Replay):
    """A recording of which each read takes as much of the time that is left as `wanted` says."""

    def __init__(self, **wanted: float) -> None:
        super().__init__(Facts("postgres", 180000, "18.0"), {}, "postgres")
        self.wanted, self.haste = wanted, Haste(0.0)

    def hurry(self, haste: Haste | None) -> None:
        assert haste is not None
        self.haste = haste

    async def checks(self, name: str) -> tuple[Check, ...]:
        if self.haste.share >= self.wanted[name] and self.haste.seconds:
            return (Check("pane", name, Status.OK, "Shows everything."),)
        return (Check("pane", name, Status.UNKNOWN, self.haste.miss().sentence),)

    def of(self, *names: str) -> list[tuple[str, Checking]]:
        return [(name, partial(self.checks, name)) for name in names]


async def test_a_slow_check_leaves_their_time_to_the_rest_and_gets_what_is_left_over() -> None:
    said: list[str] = []
    server = Shares(slow=0.3, endless=2.0, cheap=0.01)
    pace, found = Pace(server, 1000.0, said.append), [Check("role", "pg_monitor", Status.OK, "")]
    await pace.check(0.5, server.of("slow", "endless", "cheap"), found)
    assert [(check.name, check.state) for check in found] == [
        ("pg_monitor", Status.OK),
        ("slow", Status.OK),
        ("endless", Status.UNKNOWN),
        ("cheap", Status.OK),
    ]
    assert said == ["slow", "endless", "cheap", "slow", "endless"]
    assert pace.late == ("endless",)


async def test_what_is_checked_after_its_time_is_named() -> None:
    said: list[str] = []
    server = Shares(first=0.1, second=0.1, third=0.1)
    pace, found = Pace(server, 1000.0, said.append), list[Check]()
    await pace.check(0.5, server.of("first"), found)
    await pace.check(-1.0, server.of("second", "third"), found)
    pace.begin("the action undo")
    assert pace.late == ("second", "third", "the action undo")
    assert said == ["first", *pace.late]


async def test_a_read_in_a_hurry_is_cancelled_at_its_share_and_the_next_is_answered(pg: Running, database: str) -> None:
    server = PostgresServer(pg.uri(database))
    haste = Haste(time.monotonic() + 3600.0, 0.2 / 3600)
    await server.connect()
    server.hurry(haste)
    with pytest.raises(Trouble, match="no time left") as caught:
        await server.ask("a sleep", "SELECT pg_catalog.pg_sleep(600)")
    server.hurry(None)
    assert (caught.value.kind, haste.missed) == (Kind.BUSY, 1)
    assert (await server.ask("after it", "SELECT 1 AS n")).rows == ((1,),)
    await server.close()


@pytest.mark.parametrize("execution", [Transaction(), Standalone()])
async def test_a_run_says_since_when_the_server_is_silent_and_can_be_stopped(
    pg: Running, database: str, tmp_path: Path, execution: Transaction | Standalone
) -> None:
    network = Network(pg)
    async with fake(network) as uri:
        workspace = Workspace(config.load(environ={}), Wanted(_through(uri, pg, database)), trail=Trail(tmp_path / "a"))
        await workspace.sources.postgres.connect()
        step = Step("SELECT pg_catalog.pg_sleep(1000)", execution=execution)
        run = workspace.start(Plan(Claim("nothing"), (step,), action="test"), lambda _: None)
        await eventually(lambda: _sleeps(pg, database))
        assert not run.silence
        network.freeze()
        await eventually(lambda: run.silence)
        network.open.set()
        await eventually(lambda: not run.silence)
        network.freeze()
        await eventually(lambda: run.silence)
        began = time.monotonic()
        workspace.stop(run.id)
        await workspace.wait(run)
        await workspace.close()
        assert time.monotonic() - began < STOPPED
        assert run.outcome is Outcome.FAILED
    with pg.connect(database) as other:
        other.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE query LIKE 'SELECT pg_catalog.pg_sleep(1000)%'"
        )


def _sleeps(server: Running, database: str) -> bool:
    with server.connect(database) as other:
        found = other.execute("SELECT FROM pg_stat_activity WHERE query LIKE 'SELECT pg_catalog.pg_sleep(1000)%'")
        return found.rowcount > 0


async def test_an_interrupt_ends_a_read_that_nobody_answers(tmp_path: Path) -> None:
    asked = asyncio.Event()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await startup(reader, writer)
        writer.write(WELCOME)
        await reader.read(1)
        asked.set()
        await reader.read(-1)

    async with fake(talk) as uri, asyncio.timeout(LIMIT):
        process = await asyncio.create_subprocess_exec(
            *argv("show", "connections", "-t", uri), env=environment(tmp_path), stderr=asyncio.subprocess.DEVNULL
        )
        await asked.wait()
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        assert await process.wait() == 130
        assert time.monotonic() - began < STOPPED


@pytest.mark.idle_limit
async def test_limits_of_the_database_do_not_end_our_sessions(pg: Running, database: str) -> None:
    limits = ["idle_session_timeout", *(["transaction_timeout"] if pg.major >= 17 else [])]
    with pg.connect() as other:
        for name in (*limits, "idle_in_transaction_session_timeout"):
            other.execute(f"ALTER DATABASE {database} SET {name} = '1s'")
    reading, acting = PostgresServer(pg.uri(database)), ActingSession(pg.uri(database))
    await acting.open()
    try:
        for name in limits:
            question = f"SELECT pg_catalog.current_setting('{name}')"
            assert (await reading.ask(name, question)).rows == (("0",),)
            assert await acting.query(question) == [("0",)]
        own = "SELECT pg_catalog.current_setting('idle_in_transaction_session_timeout')"
        assert await acting.query(own) == [("2s",)]
        shown = {row["name"]: row["setting"] for row in (await reading.fetch("settings")).records()}
        assert {str(shown[name]) for name in limits} == {"1000"}, "the pane shows the database's own"
    finally:
        await acting.close()
        await reading.close()


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[psycopg.AsyncConnection[object]]:
    """Every connection that the driver opens in this test, in order."""
    every: list[psycopg.AsyncConnection[object]] = []
    connect = psycopg.AsyncConnection.connect

    async def kept(*given: object, **options: object) -> object:
        every.append(await connect(*given, **options))  # type: ignore[arg-type]
        return every[-1]

    monkeypatch.setattr(psycopg.AsyncConnection, "connect", kept)
    return every


async def bouncer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """An admin console that accepts, and answers nothing."""
    await startup(reader, writer)
    writer.write(WELCOME.replace(READY, BOUNCER + READY))
    await reader.read(-1)


@pytest.mark.parametrize("kind", [PostgresServer, ActingSession])
async def test_a_connection_whose_opening_is_cancelled_is_closed(
    opened: list[psycopg.AsyncConnection[object]], kind: type[PostgresServer] | type[ActingSession]
) -> None:
    async def accepts(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await startup(reader, writer)
        writer.write(WELCOME)
        await reader.read(-1)

    async with fake(accepts) as uri:
        session = kind(uri)
        opening = asyncio.ensure_future(session.connect() if isinstance(session, PostgresServer) else session.open())
        await eventually(lambda: opened)
        opening.cancel()
        with pytest.raises(asyncio.CancelledError):
            await opening
        assert all(connection.closed for connection in opened)


@pytest.mark.parametrize("kind", [PostgresServer, PgBouncerServer])
async def test_closing_also_closes_the_connection_that_is_being_opened(
    opened: list[psycopg.AsyncConnection[object]], kind: type[PostgresServer] | type[PgBouncerServer]
) -> None:
    asked, go_on = asyncio.Event(), asyncio.Event()

    async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await startup(reader, writer)
        asked.set()
        await go_on.wait()
        writer.write(WELCOME if kind is PostgresServer else WELCOME.replace(READY, BOUNCER + READY))
        await reader.readexactly(1)
        writer.write(message(b"T", struct.pack("!h", 0)) + message(b"C", b"SELECT 1\0") + READY)
        await reader.read(-1)

    async with fake(slow) as uri:
        source = kind(uri)
        opening = asyncio.ensure_future(source.connect())
        await asked.wait()
        await source.close()
        go_on.set()
        with pytest.raises(Trouble, match="closed while"):
            await opening
        assert opened
        assert all(connection.closed for connection in opened)


async def test_closing_waits_until_nobody_reads(pg: Running, database: str) -> None:
    source = PostgresServer(pg.uri(database))
    await source.connect()
    reading = asyncio.ensure_future(source.ask("a long one", "SELECT pg_catalog.pg_sleep(600)"))
    asleep = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = current_database()"
    with psycopg.connect(pg.uri(database), autocommit=True) as other:
        await eventually(lambda: other.execute(asleep.encode()).fetchall() == [(1,)])
    reading.cancel()
    await source.close()
    assert reading.done()
    await source.connect()  # with the number of the socket that was closed
    await source.close()


async def test_closing_the_admin_console_waits_until_nobody_reads() -> None:
    async with fake(bouncer) as uri:
        source = PgBouncerServer(uri)
        await source.connect()
        reading = asyncio.ensure_future(source.fetch("pooler_pools"))
        await asyncio.sleep(0)
        await source.close()
        assert reading.done()
        with pytest.raises(Trouble):
            await reading


async def test_every_session_notices_a_dead_network(
    pg: Running, database: str, opened: list[psycopg.AsyncConnection[object]]
) -> None:
    async with fake(bouncer) as uri:
        sessions = (PostgresServer(pg.uri(database)), ActingSession(pg.uri(database)), PgBouncerServer(uri))
        await sessions[0].connect()
        await sessions[1].open()
        await sessions[2].connect()
        for connection in opened:
            with socket.socket(fileno=os.dup(connection.fileno())) as channel:
                assert channel.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
                assert channel.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 5
                assert channel.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 20000
        assert len(opened) == 3
        for session in sessions:
            await session.close()


def _through(uri: str, server: Running, database: str) -> str:
    port = conninfo_to_dict(uri)["port"]
    return server.uri(database).replace(f":{server.port}/", f":{port}/")
