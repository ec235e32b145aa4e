"""A server without a free connection: the open console still ends sessions, and a refused one says why."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psycopg
import pytest

from console.actions import action
from console.demo.cluster import OWNER
from console.model import Kind, Outcome, Trouble
from console.running.trail.audit import Trail
from console.settings.config import Wanted
from console.sources.postgres.connecting import FULL, REMEDIES
from console.sources.postgres.startup import Attempt, refusal
from console.tui.action_flow import GOOD
from console.workspace import Workspace
from tests.screens import console, settings, shows, until
from tests.servers import PostgresServer, Servers
from tests.tuning import server_of_files
from tests.waiting import eventually, wait

SLOTS = 10


@pytest.fixture(scope="module")
def own(pg_servers: Servers) -> Iterator[PostgresServer]:
    """A server with few connections."""
    if pg_servers.choices[pg_servers.newest].installation is None:
        pytest.skip("needs local binaries")
    server = server_of_files(pg_servers, pg_servers.newest)
    with server.connect() as connection:
        connection.execute(f"ALTER SYSTEM SET max_connections = {SLOTS}")
        connection.execute("ALTER SYSTEM SET superuser_reserved_connections = 2")
        connection.execute("ALTER SYSTEM SET max_wal_senders = 0")
    server.restart()
    yield server
    server.stop()


@contextmanager
def full(server: PostgresServer, *users: str) -> Iterator[list[psycopg.Connection[object]]]:
    """All connections that these users can have are open."""
    with ExitStack() as stack:
        taken = []
        for user in users:
            while True:
                try:
                    session = server.connect(user=user, application_name="greedy")
                except psycopg.OperationalError:
                    break
                taken.append(session)
                stack.callback(session.close)
        yield taken
    wait(lambda: _free(server))


def _free(server: PostgresServer) -> bool:
    """Whether the server has noticed that the sessions are gone."""
    try:
        with server.connect() as session:
            row = session.execute("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'greedy'").fetchone()
    except psycopg.OperationalError:
        return False
    return row == (0,)


@pytest.mark.parametrize("users", [(OWNER,), (OWNER, "postgres")], ids=["reserved slots free", "none free"])
async def test_the_open_console_ends_sessions_when_every_connection_is_used(
    own: PostgresServer, tmp_path: Path, users: tuple[str, ...]
) -> None:
    trail = Trail(tmp_path / "audit.jsonl")
    async with Workspace(settings(), Wanted(own.uri(user=OWNER)), trail=trail) as workspace:
        await workspace.sources.postgres.connect()
        with full(own, *users) as taken:
            pids = [session.info.backend_pid for session in taken]
            cancelled = await workspace.plan(action("terminate-backend"), {"pid": str(pids[0])})
            run = await workspace.run(cancelled)
            assert run.outcome is Outcome.DONE, run.message
            assert "reading session was used" in " ".join(run.notes)
            with pytest.raises(psycopg.OperationalError):
                taken[0].execute("SELECT 1")
        held = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"
        assert (await workspace.sources.postgres.ask("locks", held)).rows == ((0,),), "no claim is left"
        assert len(trail.path.read_text().splitlines()) > 1


async def test_the_open_console_cancels_a_statement_when_every_connection_is_used(own: PostgresServer) -> None:
    async with Workspace(settings(), Wanted(own.uri(user=OWNER))) as workspace:
        await workspace.sources.postgres.connect()
        with full(own, OWNER, "postgres") as taken:
            sleep = asyncio.create_task(asyncio.to_thread(_sleep, taken[0]))
            given = {"pid": str(taken[0].info.backend_pid)}
            await eventually(lambda: _plan(workspace, given))
            plan = await workspace.plan(action("cancel-backend"), given)
            assert (await workspace.run(plan)).outcome is Outcome.DONE
            await sleep


def _sleep(session: psycopg.Connection[object]) -> None:
    """Run a statement until it is cancelled."""
    with pytest.raises(psycopg.errors.QueryCanceled):
        session.execute("SELECT pg_sleep(600)")


async def _plan(workspace: Workspace, given: Mapping[str, str]) -> bool:
    """Whether the statement runs, so that it can be cancelled."""
    try:
        await workspace.plan(action("cancel-backend"), given)
    except Trouble:
        return False
    return True


async def test_a_read_only_console_ends_no_session_of_a_full_server(own: PostgresServer) -> None:
    async with Workspace(settings(), Wanted(own.uri(user=OWNER), read_only=True)) as workspace:
        await workspace.sources.postgres.connect()
        with full(own, OWNER, "postgres") as taken:
            plan = await workspace.plan(action("terminate-backend"), {"pid": str(taken[0].info.backend_pid)})
            assert (await workspace.run(plan)).outcome not in GOOD
            taken[0].execute("SELECT 1")


async def test_the_key_ends_a_session_of_a_full_server(
    own: PostgresServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    async with console(own.uri(user=OWNER), pane="connections") as (app, pilot):
        await until(pilot, lambda: app.pane_view.arranged is not None)
        with full(own, OWNER, "postgres") as taken:
            ours = next(session for session in taken if session.info.user == OWNER)
            app.pane_view.table.seek({"pid": ours.info.backend_pid})
            await until(pilot, lambda: (app.pane_view.table.cursor_row or {}).get("pid") == ours.info.backend_pid)
            await pilot.press("p", "K")
            await shows(pilot, "Plan: Terminate a session", "r run")
            await pilot.press("r")
            await until(pilot, lambda: app.workspace.runs and app.workspace.runs[0].outcome)
            assert app.workspace.runs[0].outcome is Outcome.DONE
            assert sum(not _answers(session) for session in taken) == 1


def _answers(session: psycopg.Connection[object]) -> bool:
    try:
        session.execute("SELECT 1")
    except psycopg.OperationalError:
        return False
    return True


@pytest.mark.parametrize("user", [OWNER, "postgres"])
async def test_a_console_that_is_refused_for_want_of_connections_says_who_can_still_connect(
    own: PostgresServer, user: str
) -> None:
    with full(own, OWNER, "postgres"):
        why = await refused(own.uri(user=user))
    assert (why.sqlstate, why.remedy) == (FULL, REMEDIES[FULL])


async def test_the_limits_of_a_database_and_of_a_role_are_told_from_a_wrong_password(own: PostgresServer) -> None:
    with own.connect() as superuser:
        superuser.execute("CREATE ROLE narrow LOGIN PASSWORD 'right' CONNECTION LIMIT 1")
        superuser.execute("CREATE ROLE stranger LOGIN PASSWORD 'right'")
        superuser.execute("CREATE DATABASE closed")
        superuser.execute("REVOKE CONNECT ON DATABASE closed FROM public")
        narrow = f"host=127.0.0.1 port={own.port} user=narrow password=right dbname=postgres"
        with psycopg.connect(narrow):
            assert (await refused(narrow)).sqlstate == FULL
    for target, state in (
        (narrow.replace("right", "wrong"), "28P01"),
        (narrow.replace("dbname=postgres", "dbname=nosuch"), "3D000"),
        (narrow.replace("narrow", "nosuch"), "28P01"),
        (narrow.replace("narrow", "stranger").replace("dbname=postgres", "dbname=closed"), "42501"),
    ):
        why = await refused(target)
        assert (why.sqlstate, why.remedy) == (state, REMEDIES[state]), target
        assert "connection is left" not in why.remedy


def test_what_speaks_no_postgresql_has_no_sqlstate(own: PostgresServer) -> None:
    attempt = Attempt("127.0.0.1", 1, "nobody", "nothing", "", tls=True, seconds=1)
    assert refusal(attempt) == ""


async def refused(target: str) -> Trouble:
    """Why a console cannot connect."""
    async with Workspace(settings(), Wanted(target)) as workspace:
        with pytest.raises(Trouble) as why:
            await workspace.sources.postgres.connect()
    assert why.value.kind is Kind.UNREACHABLE
    return why.value
