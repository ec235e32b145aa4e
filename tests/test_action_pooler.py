"""Commands to real PgBouncers: what they change is proven, and no database stays paused whatever happens."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import psycopg
import pytest

from console.actions import action
from console.files.pooler_config import ADMIN
from console.model import Kind, Outcome, PoolerPause, Trouble
from console.running.progress import Run
from console.running.trail.audit import Trail
from console.sources.pgbouncer.fuse import armed
from console.workspace import Workspace
from tests.acting import Desk
from tests.command import environment
from tests.servers import Pooler, PostgresServer
from tests.waiting import PATIENCE, eventually, wait

pytestmark = pytest.mark.every_pooler
PAUSE, RESUME, RELOAD = action("pooler-pause"), action("pooler-resume"), action("pooler-reload")
Start = Callable[[PostgresServer, str], Pooler]


@dataclass(frozen=True, slots=True)
class Pooled:
    """A console of a database and the PgBouncer in front of it."""

    desk: Desk
    pooler: Pooler
    home: Path

    @property
    def database(self) -> str:
        return self.pooler.database

    @contextmanager
    def admin(self) -> Iterator[psycopg.Connection[Any]]:
        """The admin console, for the test's own commands."""
        with psycopg.connect(
            self.pooler.admin_uri, autocommit=True, prepare_threshold=None, cursor_factory=psycopg.ClientCursor
        ) as connection:
            yield connection

    def shown(self, what: str) -> list[dict[str, Any]]:
        """The rows of a SHOW command."""
        with self.admin() as connection:
            cursor = connection.execute(f"SHOW {what}".encode())
            columns = [column.name for column in cursor.description or ()]
            return [dict(zip(columns, row, strict=True)) for row in cursor]

    def flag(self, name: str) -> bool:
        """Whether the database is paused or disabled."""
        (row,) = [row for row in self.shown("DATABASES") if row["name"] == self.database]
        return bool(row[name])

    def client(self, **options: Any) -> psycopg.Connection[Any]:
        """A client of the pooled database."""
        return psycopg.connect(self.pooler.uri(), autocommit=True, prepare_threshold=None, **options)

    def console(self, seconds: int) -> subprocess.Popen[bytes]:
        """A console in a process of its own that pauses the database."""
        options = ("-t", self.desk.uri, "--pooler", self.pooler.admin_uri, "--yes")
        given = ("--set", f"database={self.database}", "--set", f"seconds={seconds}")
        argv = (sys.executable, "-m", "console.cli", "run", "pooler-pause", *given, *options)
        out = subprocess.DEVNULL
        return subprocess.Popen(argv, env=environment(self.home, {}), stdout=out, stderr=out, start_new_session=True)


@pytest.fixture
def pooled(any_pg: PostgresServer, pgbouncer: Start, tmp_path: Path) -> Iterator[Pooled]:
    """A console of an empty database behind PgBouncer."""
    name = any_pg.fresh_database()
    pooler = pgbouncer(any_pg, name)
    trail = Trail(tmp_path / "pipeline-console" / "audit.jsonl")
    yield Pooled(Desk(any_pg, name, trail, poolers=(pooler.admin_uri,)), pooler, tmp_path)
    pooler.stop()
    any_pg.drop_database(name)


@contextmanager
def transaction(pooled: Pooled, name: str = "report") -> Iterator[psycopg.Connection[Any]]:
    """A client in the middle of a transaction."""
    with pooled.client(application_name=name) as connection, connection.transaction():
        connection.execute("SELECT 1")
        yield connection


def watchdogs(parent: int) -> list[int]:
    """The watchdogs that a process has started."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = stat.read_text().rpartition(")")[2].split()
            if int(fields[1]) == parent and b"watchdog.py" in (stat.parent / "cmdline").read_bytes():
                found.append(int(stat.parent.name))
    return found


def visible(process: int) -> list[bytes]:
    """What others may see of a process."""
    return [Path(f"/proc/{process}/{part}").read_bytes() for part in ("cmdline", "environ")]


async def test_clients_wait_while_it_is_paused_and_go_on_after_the_deadline(pooled: Pooled) -> None:
    with pooled.client() as client:
        client.execute("SELECT 1")
        running = asyncio.create_task(pooled.desk.run(PAUSE, database=pooled.database, seconds="4"))
        await eventually(lambda: asyncio.to_thread(pooled.flag, "paused"))
        began = time.monotonic()
        await asyncio.to_thread(client.execute, "SELECT 1")
        assert 0.5 < time.monotonic() - began < 14  # server_login_retry is 15 s
        run = await running
    assert run.outcome is Outcome.DONE, run.message
    assert not pooled.flag("paused")
    (note,) = run.notes
    assert re.search(
        r"in effect after \d+\.\d s, resumed after [4-9]\.\d s; 1 client waited, at most \d+\.\d s\.", note
    )
    assert {row["key"]: row["value"] for row in pooled.shown("CONFIG")}["server_login_retry"] == "15"


async def test_a_transaction_that_stays_open_delays_it_and_the_deadline_resumes(pooled: Pooled) -> None:
    with transaction(pooled) as client:
        plan = await pooled.desk.plan(PAUSE, database=pooled.database, seconds="2")
        assert plan.table is not None
        assert [row["application"] for row in plan.table.records()] == ["report"]
        assert any("1 server connection is in use (transaction mode)" in note for note in plan.notes)
        run = await pooled.desk.run(PAUSE, database=pooled.database, seconds="2")
        assert run.outcome is Outcome.FAILED
        assert "never took effect: 1 server connection was in use" in run.message
        assert not pooled.flag("paused")
        assert client.execute("SELECT 2").fetchone() == (2,)


@pytest.mark.parametrize(
    ("number", "seconds", "within"),
    [(signal.SIGKILL, 60, 30.0), (signal.SIGHUP, 60, 30.0), (signal.SIGSTOP, 5, 30.0)],
    ids=["killed", "terminal closed", "stopped"],
)
def test_it_is_resumed_when_the_console_is_gone(
    pooled: Pooled, number: signal.Signals, seconds: int, within: float
) -> None:
    with pooled.admin() as admin:
        admin.execute(b"SET query_wait_timeout = '120'")
        admin.execute(b"SET client_login_timeout = '120'")
    console = pooled.console(seconds)
    try:
        with transaction(pooled):  # so that PAUSE itself is still under way
            wait(lambda: pooled.flag("paused"))
            console.send_signal(number)
            began = time.monotonic()
            wait(lambda: not pooled.flag("paused"))
            assert time.monotonic() - began < within
    finally:
        console.kill()
        console.wait()


async def test_what_somebody_else_paused_is_neither_paused_nor_resumed(pooled: Pooled) -> None:
    with pooled.admin() as admin:
        admin.execute(f'PAUSE "{pooled.database}"'.encode())
    with pytest.raises(Trouble) as refused:
        await pooled.desk.plan(PAUSE, database=pooled.database, seconds="1")
    assert refused.value.kind is Kind.REFUSED
    assert pooled.flag("paused")


async def test_a_pause_that_began_after_the_plan_is_left_alone(pooled: Pooled) -> None:
    async with pooled.desk.workspace() as workspace:
        plan = await workspace.plan(PAUSE, {"database": pooled.database, "seconds": "1"})
        with pooled.admin() as admin:
            admin.execute(f'PAUSE "{pooled.database}"'.encode())
        run = await workspace.run(plan)
    assert run.outcome is Outcome.REFUSED, run.message
    assert pooled.flag("paused")


async def test_a_second_console_is_refused_and_the_first_one_resumes(pooled: Pooled) -> None:
    async with pooled.desk.workspace() as workspace:
        plan = await workspace.plan(PAUSE, {"database": pooled.database, "seconds": "5"})
        async with pooled.desk.workspace() as another:
            same = await another.plan(PAUSE, {"database": pooled.database, "seconds": "5"})
            first = asyncio.create_task(workspace.run(plan))
            await eventually(lambda: asyncio.to_thread(pooled.flag, "paused"))
            second = await another.run(same)
            assert second.outcome is Outcome.REFUSED
            assert "Another session is changing pause of" in second.message
            assert pooled.flag("paused")
            assert (await first).outcome is Outcome.DONE
    assert not pooled.flag("paused")


def test_a_watchdog_that_is_left_outlives_the_loop_and_resumes(pooled: Pooled) -> None:
    async def left_alone() -> None:
        fuse = await armed(pooled.pooler.admin_uri, pooled.database, 60.0)
        await fuse.light()
        fuse.leave()  # as when PgBouncer does not answer, and the console is closed

    with pooled.admin() as admin:
        admin.execute(f'PAUSE "{pooled.database}"'.encode())
    asyncio.run(left_alone())
    wait(lambda: not pooled.flag("paused"))


async def paused(pooled: Pooled, seconds: str = "10") -> asyncio.Task[Run]:
    """A run that has paused the database."""
    running = asyncio.create_task(pooled.desk.run(PAUSE, database=pooled.database, seconds=seconds))
    await eventually(lambda: asyncio.to_thread(pooled.flag, "paused"))
    return running


async def test_stopping_the_run_resumes_at_once(pooled: Pooled) -> None:
    running = await paused(pooled)
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running
    assert not pooled.flag("paused")


async def test_somebody_else_may_resume_it_before(pooled: Pooled) -> None:
    running = await paused(pooled)
    resumed = await pooled.desk.run(RESUME, database=pooled.database)
    assert resumed.outcome is Outcome.DONE, resumed.message
    run = await running
    assert run.outcome is Outcome.DONE, run.message
    assert "resumed by another client" in run.notes[0]


async def test_without_its_watchdog_the_console_resumes(pooled: Pooled) -> None:
    running = await paused(pooled, "4")
    (watchdog,) = watchdogs(os.getpid())
    os.kill(watchdog, signal.SIGKILL)
    run = await running
    assert run.outcome is Outcome.DONE, run.message
    assert not pooled.flag("paused")


async def test_the_watchdog_shows_no_password(pooled: Pooled) -> None:
    (secret,) = [line.split(":")[4] for line in pooled.pooler.passfile.read_text().splitlines() if f":{ADMIN}:" in line]
    uri = pooled.pooler.admin_uri.split("?")[0].replace(f"{ADMIN}@", f"{ADMIN}:{secret}@")
    given = replace(pooled, desk=replace(pooled.desk, poolers=(uri,)))
    running = await paused(given)
    (watchdog,) = watchdogs(os.getpid())
    assert not any(secret.encode() in text for text in visible(watchdog))
    await pooled.desk.run(RESUME, database=pooled.database)
    run = await running
    assert run.outcome is Outcome.DONE, run.message
    assert secret not in pooled.desk.trail.path.read_text()
    assert secret not in repr(run.plan)


async def test_a_pooler_that_dies_meanwhile_is_reported(pooled: Pooled) -> None:
    running = await paused(pooled, "4")
    await asyncio.to_thread(pooled.pooler.stop)
    run = await running
    assert run.outcome is Outcome.FAILED
    for watchdog in watchdogs(os.getpid()):  # it would try for a minute
        os.kill(watchdog, signal.SIGKILL)


async def test_a_pause_longer_than_the_timeouts_of_its_clients_is_refused(pooled: Pooled) -> None:
    with pytest.raises(Trouble) as refused:
        await pooled.desk.plan(PAUSE, database=pooled.database, seconds="15")
    assert refused.value.kind is Kind.REFUSED
    assert "query_wait_timeout = 15 s" in refused.value.sentence


async def test_disable_and_enable_are_undone(pooled: Pooled) -> None:
    async def done(name: str, **given: str) -> None:
        run = await pooled.desk.run(action(name), PATIENCE, **given)
        assert run.outcome is Outcome.DONE, run.message

    os.environ["XDG_STATE_HOME"], before = str(pooled.home), os.environ["XDG_STATE_HOME"]
    try:
        await done("pooler-disable", database=pooled.database)
        assert pooled.flag("disabled")
        with pytest.raises(psycopg.OperationalError):
            pooled.client().close()
        await done("undo")
        assert not pooled.flag("disabled")
        await done("pooler-kill", database=pooled.database)
        assert pooled.flag("paused")
        await done("undo")
        assert not pooled.flag("paused")
    finally:
        os.environ["XDG_STATE_HOME"] = before
    nothing = await pooled.desk.run(action("pooler-enable"), database=pooled.database)
    assert nothing.outcome is Outcome.NOTHING


@pytest.mark.parametrize("ends", ["undo", "pooler-resume"])
async def test_after_a_kill_clients_do_not_wait_for_server_login_retry(
    pooled: Pooled, monkeypatch: pytest.MonkeyPatch, ends: str
) -> None:
    monkeypatch.setattr("console.actions.trail.undo.default_trail", lambda: pooled.desk.trail)
    log = pooled.pooler.process.folder / "pgbouncer.log"

    def answer() -> Any:
        with pooled.client() as client:
            return client.execute("SELECT 1").fetchone()

    def waiting() -> bool:  # for a connection that counts as a failed login
        return "closing because: pause mode" in log.read_text() and any(
            row["cl_waiting"] for row in pooled.shown("POOLS")
        )

    answer()  # from now on min_pool_size keeps connections open
    killed = await pooled.desk.run(action("pooler-kill"), PATIENCE, database=pooled.database)
    assert killed.outcome is Outcome.DONE, killed.message

    # query_wait_timeout would end the client before server_login_retry lets it go on.
    answered = asyncio.create_task(asyncio.to_thread(answer))
    await eventually(lambda: asyncio.to_thread(waiting))
    run = await pooled.desk.run(action(ends))
    assert run.outcome is Outcome.DONE, run.message
    assert await answered == (1,)
    assert not pooled.flag("paused")
    assert settings(pooled)["server_login_retry"] == "15"


async def test_kill_drops_the_clients_it_counted_and_asks_for_the_name(pooled: Pooled) -> None:
    with pooled.client() as client, pooled.client() as other:
        for each in (client, other):
            each.execute("SELECT 1")
        plan = await pooled.desk.plan(action("pooler-kill"), database=pooled.database)
        assert plan.destructive
        assert plan.claim.typed == pooled.database
        assert re.match(r"drop 2 clients and [1-4] server connections? of ", plan.summary)
        run = await pooled.desk.run(action("pooler-kill"), database=pooled.database)
        assert run.outcome is Outcome.DONE, run.message
        with pytest.raises(psycopg.OperationalError):
            client.execute("SELECT 1")
    await pooled.desk.run(RESUME)
    assert not pooled.flag("paused")


async def test_reconnect_waits_for_open_transactions_but_not_for_ever(pooled: Pooled) -> None:
    with transaction(pooled) as client:
        before = client.execute("SELECT pg_backend_pid()").fetchone()
        run = await pooled.desk.run(action("pooler-reconnect"), database=pooled.database, seconds="1")
        assert run.outcome is Outcome.STOPPED
        assert 'WAIT_CLOSE "' in run.message
        assert "1 connection is left" in run.message
        waiting = asyncio.create_task(pooled.desk.run(action("wait-close"), database=pooled.database))
        await asyncio.sleep(0)
    run = await waiting
    assert run.outcome in {Outcome.DONE, Outcome.NOTHING}, run.message
    with pooled.client() as client:
        assert client.execute("SELECT pg_backend_pid()").fetchone() != before
    run = await pooled.desk.run(action("pooler-reconnect"), database=pooled.database)
    assert run.outcome is Outcome.DONE, run.message


async def test_a_single_client_is_disconnected_from_1_24_on(pooled: Pooled) -> None:
    with pooled.client(application_name="shop") as client, pooled.client(application_name="other") as other:
        for each in (client, other):
            each.execute("SELECT 1")
        (row,) = [row for row in pooled.shown("CLIENTS") if row["application_name"] == "shop"]
        assert pooled.pooler.version is not None
        if pooled.pooler.version < (1, 24):
            with pytest.raises(Trouble) as refused:
                await pooled.desk.plan(action("kill-client"), client="1")
            assert refused.value.kind is Kind.UNSUPPORTED
            return
        with pytest.raises(Trouble):
            await pooled.desk.plan(action("kill-client"), client=str(row["id"]), ptr="0x1")
        run = await pooled.desk.run(action("kill-client"), client=str(row["id"]), ptr=str(row["ptr"]))
        assert run.outcome is Outcome.DONE, run.message
        with pytest.raises(psycopg.OperationalError):
            client.execute("SELECT 1")
        assert other.execute("SELECT 1").fetchone() == (1,)


COMMANDS = ("pooler-pause", "pooler-reconnect", "pooler-disable", "pooler-kill")


async def test_a_user_who_may_only_show_is_refused_and_so_is_an_unknown_database(pooled: Pooled) -> None:
    reading = replace(pooled.desk, poolers=(pooled.pooler.stats_uri,))
    for name in COMMANDS:
        with pytest.raises(Trouble) as refused:
            await reading.plan(action(name), database=pooled.database)
        assert refused.value.kind is Kind.DENIED
        with pytest.raises(Trouble) as unknown:
            await pooled.desk.plan(action(name), database='no"such')
        assert unknown.value.kind is Kind.USAGE
        with pytest.raises(Trouble) as forbidden:
            await pooled.desk.plan(action(name), database="pgbouncer")
        assert forbidden.value.kind is Kind.REFUSED


async def test_of_several_poolers_one_must_be_named(pooled: Pooled) -> None:
    both = replace(pooled.desk, poolers=(pooled.pooler.admin_uri, pooled.pooler.admin_uri))
    with pytest.raises(Trouble) as several:
        await both.plan(PAUSE, database=pooled.database)
    assert several.value.kind is Kind.USAGE
    plan = await both.plan(PAUSE, database=pooled.database, pooler=f"127.0.0.1:{pooled.pooler.port} #2")
    assert isinstance(plan.steps[0].execution, PoolerPause)


async def test_a_read_only_console_sends_nothing(pooled: Pooled) -> None:
    made = pooled.desk.workspace()
    wanted = replace(made.wanted, read_only=True)
    async with Workspace(made.settings, wanted, trail=made.trail) as workspace:
        for name in COMMANDS:
            run = await workspace.run(await workspace.plan(action(name), {"database": pooled.database}))
            assert run.outcome is Outcome.REFUSED, name
    assert not pooled.flag("paused")
    assert not pooled.flag("disabled")


def settings(pooled: Pooled) -> dict[str, str]:
    """The settings in effect."""
    return {row["key"]: row["value"] for row in pooled.shown("CONFIG")}


def ini(pooled: Pooled, former: str, new: str) -> Path:
    """The pooler's file, with a change, and a copy from before it."""
    path = pooled.pooler.process.folder / "pgbouncer.ini"
    text = path.read_text()
    assert former in text
    path.with_name("pgbouncer.ini.good").write_text(text)
    path.write_text(text.replace(former, new))
    return path


async def test_a_value_that_is_not_taken_is_named_and_the_former_file_put_back(pooled: Pooled) -> None:
    before = settings(pooled)
    path = ini(pooled, "max_client_conn = 1000", "max_client_conn = banana")
    rejected = path.read_text()
    with transaction(pooled) as client:
        run = await pooled.desk.run(RELOAD, file=str(path))
        assert run.outcome is Outcome.FAILED
        assert client.execute("SELECT 2").fetchone() == (2,)
    assert settings(pooled) == before
    assert "max_client_conn = 1000" in path.read_text()
    assert path.with_name("pgbouncer.ini.rejected").read_text() == rejected
    assert "pgbouncer.ini has its former content again" in run.message
    assert "max_client_conn 1000 → 100" in run.message
    assert re.search(r"line \d+ of .*pgbouncer.ini: max_client_conn = banana", run.message)


async def test_without_the_file_the_former_settings_are_put_in_effect_by_set(
    pooled: Pooled, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("console.actions.pooler.reload.started_with", lambda *_: None)
    before = settings(pooled)
    path = ini(pooled, "default_pool_size = 25", "this is no setting")
    run = await pooled.desk.run(RELOAD)
    assert run.outcome is Outcome.FAILED
    assert "The former settings are in effect again, by SET" in run.message
    assert settings(pooled) == before
    assert "this is no setting" in path.read_text()


async def test_a_line_that_cannot_be_read_is_refused_before_anything_is_sent(pooled: Pooled) -> None:
    before = settings(pooled)
    for broken in ("this is no setting", "no_such_setting = 1"):
        path = ini(pooled, "default_pool_size = 25", broken)
        with pytest.raises(Trouble) as refused:
            await pooled.desk.plan(RELOAD, file=str(path))
        assert refused.value.kind is Kind.REFUSED
        assert broken in refused.value.remedy
        path.write_text(path.with_name("pgbouncer.ini.good").read_text())
    assert settings(pooled) == before


async def test_what_reload_changes_is_shown_before_and_after_and_undone(
    pooled: Pooled, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = ini(pooled, "default_pool_size = 25", "default_pool_size = 30")
    monkeypatch.setattr("console.actions.trail.undo.default_trail", lambda: pooled.desk.trail)
    before, changed = settings(pooled), path.read_text()
    plan = await pooled.desk.plan(RELOAD, file=str(path))
    assert plan.table is not None
    assert [row["setting"] for row in plan.table.records()] == ["default_pool_size"]
    assert any("pgbouncer.ini.good" in note for note in plan.notes)
    run = await pooled.desk.run(RELOAD, file=str(path))
    assert run.outcome is Outcome.DONE, run.message
    assert "Changed by RELOAD: default_pool_size 25 → 30." in run.notes
    assert (await pooled.desk.plan(RELOAD, file=str(path))).table is None
    undone = await pooled.desk.run(action("undo"))
    assert undone.outcome is Outcome.DONE, undone.message
    assert settings(pooled) == before
    assert "default_pool_size = 25" in path.read_text()
    assert any(copy.read_text() == changed for copy in path.parent.glob("pgbouncer.ini.2*")), "nothing is lost"
