"""Commands that a signal or a closed terminal ends: what was begun, what is left on the server, the exit code."""

from __future__ import annotations

import asyncio
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from console.cli import main
from console.model import Claim, Plan, Program, Step
from console.past.incident import open_incident
from console.running.execution import program
from console.running.trail.audit import Trail
from console.settings import config
from console.settings.config import Wanted
from console.workspace import Workspace
from tests.command import argv, environment
from tests.servers import PostgresServer
from tests.test_silent_stops import NEVER
from tests.test_terminal_gone import visit
from tests.waiting import PATIENCE, eventually, wait

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
SLOW = "SELECT count(*) FROM generate_series(1, 1000000) a, generate_series(1, 1000000) b"
WORKING = "SELECT FROM pg_stat_activity WHERE datname = %s AND state = 'active' AND query LIKE %s"


@contextmanager
def begun(home: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A command in a process of its own."""
    process = subprocess.Popen(
        argv(*arguments),
        env=environment(home),
        cwd=home,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_ends_a_command_and_its_statement_on_the_server(
    pg: PostgresServer, database: str, tmp_path: Path, number: signal.Signals
) -> None:
    """The server would look for a client that has gone only every two seconds, and carry on until then."""
    role = f"plain_{database}"
    with pg.connect(database) as other:
        other.execute(f"CREATE ROLE {role}".encode())
        try:
            uri = pg.uri(database) + "&options=-c%20client_connection_check_interval%3D0"
            with begun(tmp_path, "explain", SLOW, "--analyze", "--as", role, "-t", uri) as process:
                working = (database, "%pipeline_console_explained(%")
                wait(lambda: other.execute(WORKING, working).rowcount == 1)
                process.send_signal(number)
                assert process.wait(PATIENCE) == 128 + number
                wait(lambda: other.execute(WORKING, working).rowcount == 0)
        finally:
            other.execute(f"DROP ROLE {role}".encode())


@pytest.mark.parametrize("number", SIGNALS)
def test_a_recording_that_is_ended_early_holds_what_was_read(
    pg: PostgresServer, database: str, tmp_path: Path, number: signal.Signals
) -> None:
    with begun(tmp_path, "record", "early", "--seconds", "3600", "-t", pg.uri(database)) as process:
        assert process.stderr is not None
        assert "reading every pane" in process.stderr.readline()
        with pg.connect(database) as other:
            read = "SELECT FROM pg_stat_activity WHERE datname = %s AND query LIKE '%%pg_locks%%'"
            wait(lambda: other.execute(f"{read} AND pid <> pg_backend_pid()", (database,)).rowcount > 0)
        process.send_signal(number)
        out, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, err
    assert "stopped before its time" in err
    assert "readings written to early" in out
    assert open_incident(tmp_path / "early").first > 0


@pytest.mark.parametrize(
    ("arguments", "there", "code"),
    [
        (("open",), b"Quit", 129),
        (("show", "connections", "--watch", "0.2"), b"pid", 129),
        (("run", "analyze-table", "--set", "table=t"), b"[y/N]", 129),
        (("watch",), b"watching", 0),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_a_command_whose_terminal_is_closed_says_so_by_its_exit_code(
    pg: PostgresServer, database: str, tmp_path: Path, arguments: tuple[str, ...], there: bytes, code: int
) -> None:
    """An interpreter that cannot write what is left makes 120 of it."""
    with pg.connect(database) as other:
        other.execute("CREATE TABLE public.t AS SELECT 1 AS id")
    with visit(tmp_path, argv(*arguments, "-t", pg.uri(database))) as visited:
        visited.shows(there)
        visited.close()
        assert visited.process.wait(PATIENCE) == code


async def test_a_run_that_is_asked_twice_to_stop_leaves_what_takes_long_to_clean_up(
    pg: PostgresServer, database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(program, "ENDING", 100 * PATIENCE)
    plan = Plan(Claim("nothing"), (Step("it", execution=Program(("python3", "-c", NEVER))),), action="test")
    async with Workspace(config.load(environ={}), Wanted(pg.uri(database)), trail=Trail(tmp_path / "a")) as workspace:
        await workspace.sources.postgres.connect()
        run = workspace.start(plan, lambda _: None)
        await eventually(lambda: run.steps[0].message == "there")
        workspace.hurry()
        assert run.outcome is None, "hurry alone stops nothing"
        workspace.stop(run.id)
        async with asyncio.timeout(PATIENCE):
            await workspace.wait(run)
    assert run.message == "Stopped on request."


def test_a_second_interrupt_ends_what_the_first_one_cleans_up(
    pg: PostgresServer, database: str, tmp_path: Path
) -> None:
    """pg_repack and others may take as long as they need; who waits at a terminal need not."""
    program_ = tmp_path / "running.py"
    program_.write_text(TWICE)
    process = subprocess.Popen(
        [argv()[0], str(program_), pg.uri(database), NEVER.replace("print", "open('there', 'w'); print")],
        env=environment(tmp_path),
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stderr is not None
        wait((tmp_path / "there").exists)
        process.send_signal(signal.SIGINT)
        while "Another Ctrl-C" not in process.stderr.readline():
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE) == 1
        assert "completes or removes what the failed step may have left" in process.stderr.read()
    finally:
        process.kill()
        process.communicate()


TWICE = """
import asyncio, sys
from console.cli import run as command
from console.cli.interrupting import run_interruptible
from console.cli import main
from console.model import Claim, Plan, Program, Step
from console.running.execution import program
from console.settings import config
from console.workspace import Workspace

program.ENDING = 1e6
plan = Plan(Claim("nothing"), (Step("it", execution=Program(("python3", "-c", sys.argv[2]))),), action="test")
asked = command.RunCommand(None, {}, False, True, False)

async def carried_out():
    async with Workspace(config.load(environ={}), config.Wanted(sys.argv[1])) as workspace:
        await workspace.sources.postgres.connect()
        return await command._carry_out(asked, plan, workspace)

sys.exit(run_interruptible(carried_out()))
"""


@pytest.mark.parametrize("absorbs", [False, True], ids=["while it reads", "at the end of a run"])
def test_a_setup_that_is_stopped_before_it_changes_anything_says_so(
    pg: PostgresServer,
    database: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    absorbs: bool,
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))

    async def stopped(*_: object) -> None:
        signal.raise_signal(signal.SIGINT)
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            if not absorbs:
                raise

    monkeypatch.setattr("console.cli.setup._Setup._pages", stopped)
    assert main(["setup", "--yes", "-t", pg.uri(database)]) == 1
    said = "".join(capsys.readouterr())
    assert "Stopped on request. Nothing was changed." in said
    assert "fail" not in said
