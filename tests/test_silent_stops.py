"""Runs that are stopped while the server, its pooler or a program is silent: nothing waits for an answer."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import psycopg
import pytest

from console.model import Claim, Export, Outcome, Plan, Program, Standalone, Step
from console.model.act import Batches
from console.running.execution import program
from console.running.trail import audit_table
from console.running.trail.audit import Trail
from console.settings import config
from console.settings.config import Wanted
from console.sources.pgbouncer.commanding import open_pooler
from console.sources.postgres import ActingSession, closing
from console.workspace import Workspace
from tests.servers import PostgresServer as Running
from tests.test_deadlines import LIMIT, Network, _through, bouncer, fake
from tests.waiting import PATIENCE, eventually

NEVER = "import signal, time; signal.signal(signal.SIGINT, signal.SIG_IGN); print('there', flush=True); time.sleep(1e4)"
SLEEP = "SELECT pg_catalog.pg_sleep(1000)"
MANIFEST = "SELECT 1 AS rows, 'x' AS checksum, 'a' AS archive, 'b' AS source, 'c' AS month, 'd' AS database"


@pytest.fixture
async def workspace(pg: Running, database: str, tmp_path: Path) -> AsyncIterator[tuple[Workspace, Network]]:
    """A console on a server behind a network that can freeze."""
    network = Network(pg)
    async with fake(network) as uri:
        made = Workspace(config.load(environ={}), Wanted(_through(uri, pg, database)), trail=Trail(tmp_path / "a"))
        await made.sources.postgres.connect()
        yield made, network
        await made.close()


@pytest.mark.parametrize("kind", ["transaction", "outside", "batches", "export", "program"])
async def test_a_step_of_any_kind_ends_without_waiting_for_a_silent_server(
    workspace: tuple[Workspace, Network], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, kind: str
) -> None:
    steps = {
        "transaction": Step(SLEEP),
        "outside": Step(SLEEP, execution=Standalone(0.0)),
        "batches": Step("SELECT 1 AS moved, true AS more FROM pg_catalog.pg_sleep(0.1)", execution=Batches()),
        "export": Step("COPY", execution=Export(str(tmp_path / "x.gz"), MANIFEST, f"SELECT 1 FROM ({SLEEP}) s")),
        "program": Step("it", execution=Program(("python3", "-c", NEVER))),
    }
    monkeypatch.setattr(program, "ENDING", 100 * PATIENCE)
    console, network = workspace
    cut: list[str] = []

    def note(of: object, name: str) -> None:
        was = getattr(of, "cut")  # noqa: B009  of either kind

        def noted(*given: object) -> None:
            cut.append(name)
            was(*given)

        monkeypatch.setattr(of, "cut", noted)

    note(console.sources.postgres, "reading")
    note(ActingSession, "acting")
    run = console.start(Plan(Claim("nothing"), (steps[kind],), action="test"), lambda _: None)
    await eventually(
        lambda: run.steps[0].status == "running" and (kind != "program" or run.steps[0].message == "there")
    )
    network.freeze()
    console.stop(run.id)
    async with asyncio.timeout(PATIENCE):
        await console.wait(run)
    assert run.message == "Stopped on request."
    assert run.silence, "it says that the server did not answer"
    assert {"reading", "acting"} <= set(cut)


async def test_a_request_to_stop_ends_what_a_run_does_at_its_end(
    workspace: tuple[Workspace, Network], monkeypatch: pytest.MonkeyPatch
) -> None:
    console, _ = workspace
    writing = asyncio.Event()

    async def never(*_: object) -> str:
        writing.set()
        await asyncio.Event().wait()
        return ""

    monkeypatch.setattr(audit_table, "write", never)
    run = console.start(Plan(Claim("nothing"), (Step("SELECT 1"),), action="test"), lambda _: None)
    async with asyncio.timeout(PATIENCE):
        await writing.wait()
        console.stop(run.id)
        await console.wait(run)
    assert run.outcome is Outcome.DONE
    assert [entry["outcome"] for entry in console.trail.entries() if entry["event"] == "end"] == ["done"]


async def test_a_command_to_a_silent_pooler_is_given_up_without_another_question() -> None:
    connected = 0

    async def counted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connected
        connected += 1
        await bouncer(reader, writer)

    async with fake(counted) as uri, asyncio.timeout(LIMIT):
        session = await open_pooler(uri)
        asking = asyncio.ensure_future(session.command("RELOAD", 100 * PATIENCE))
        await asyncio.sleep(0)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        await session.close()
    assert connected == 1, "a request to cancel comes over a connection of its own"


async def test_an_answer_that_came_while_the_console_was_stopped_is_read(
    pg: Running, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(closing, "LATE_SECONDS", 0.0)
    async with await psycopg.AsyncConnection.connect(pg.uri(database), autocommit=True) as connection:
        with closing.answering_within(0.01, connection):
            asyncio.get_running_loop().call_soon(time.sleep, 0.1)  # as a stopped process does, with what it has asked
            await connection.execute("SELECT 1")
        assert not connection.closed
