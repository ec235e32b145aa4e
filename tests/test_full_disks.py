"""A server without room for WAL or for data, in every action that writes: a sentence says so, and nothing is lost."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from console.actions import action
from console.demo.account import give, server_account
from console.demo.cluster import OWNER
from console.demo.content import install_schema
from console.model import Outcome, Trouble
from console.running.trail.audit import Trail, default_trail
from console.sources.registry import HOST
from tests import grown
from tests.acting import Desk
from tests.care import bloat
from tests.room import AGO, ROOM, clones, migrations
from tests.screens import SMALL, console, screen_text, until
from tests.servers import PostgresServer, Servers
from tests.sql_files import forget_files
from tests.test_action_repack import has_repack
from tests.test_action_waits import CASES, Case, prepared
from tests.test_server_stops import ROWS
from tests.waiting import eventually

__all__ = ["migrations"]

FULL = ("The server's disk is full", "could not write", "No space left")
GONE = (
    *("The connection to the server was lost", "The connection was lost while transaction", "does not answer"),
    *(
        "Not connected",
        "connection timeout expired",  # it recovers
        "cannot be reached",
        "server closed the connection",
        "starting up",
        "in recovery mode",
        "Connection refused",
        "shutting down",
    ),
)
BEYOND = (
    Case("create-extensions", (("extensions", "pg_buffercache,btree_gin"),)),
    Case("apply-tuning", (("preset", "planner-ssd"),)),
    Case("create-roles", (("passwords", "{folder}/passwords"),)),
)
TRIED = (*CASES, *BEYOND)


@dataclass(frozen=True, slots=True)
class Cramped:
    """A server whose WAL, or all but its WAL, is on a small file system of its own."""

    server: PostgresServer
    space: Path
    is_wal: bool

    @contextmanager
    def full(self, desk: Desk) -> Iterator[None]:
        """Nothing can be added to the file system meanwhile."""
        filler = self.space / "filler"
        if self.is_wal:
            current = desk.ask("SELECT pg_walfile_name(pg_current_wal_lsn())")
            for segment in self.space.glob("[0-9A-F]" * 24):
                if segment.name > current:  # made ahead: none of them is written to yet
                    segment.unlink()
        with filler.open("wb") as file:
            file.write(bytes(os.statvfs(self.space).f_bavail * os.statvfs(self.space).f_bsize))
        if self.is_wal:
            desk.ask("SELECT pg_switch_wal()::text")  # what is written next needs another segment
        try:
            yield
        finally:
            filler.unlink()
            if self.is_wal:
                self.server.restart()


@pytest.fixture(params=["WAL", "data"])
def cramped(pg_servers: Servers, pg: PostgresServer, request: pytest.FixtureRequest) -> Iterator[Cramped]:
    if pg_servers.choices[pg.major].installation is None or os.geteuid() != 0:
        pytest.skip("needs local binaries and root")
    is_wal = request.param == "WAL"
    server = pg_servers.new(pg.major, {"max_wal_size": "64MB", "min_wal_size": "32MB"})
    assert server.data is not None
    space = server.data.parent / f"{server.data.name}-small"
    server.stop()
    space.mkdir()
    room = "120m" if is_wal else "260m"
    if subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={room}", "tmpfs", str(space)], check=False).returncode:
        pytest.skip("file systems cannot be mounted here")
    try:
        wal, moved = server.data / "pg_wal", server.data.parent / f"{server.data.name}-wal"
        if not is_wal:
            shutil.move(wal, moved)
            wal.symlink_to(moved)
        small = wal if is_wal else server.data
        subprocess.run(["cp", "-a", f"{small}/.", str(space)], check=True)
        subprocess.run(["rm", "-rf", str(small)], check=True)
        small.symlink_to(space)
        give(server_account(), space)
        space.chmod(0o700)
        server.start()
        yield Cramped(server, space, is_wal)
        server.stop()
    finally:
        subprocess.run(["umount", str(space)], check=True)


async def _run(case: Case, desk: Desk, given: dict[str, Any]) -> tuple[Outcome | None, str]:
    """What came of the action: its outcome, None if it could not even be planned, and the sentence about it."""
    try:
        run = await desk.run(action(case.action), **given)
    except Trouble as why:
        return None, str(why)
    return run.outcome, run.message


@dataclass(slots=True)
class Tried:
    """What was said of actions on the full server, and what went wrong when they were run again with room."""

    said: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)


def _met(cramped: Cramped, said: list[str], least: int) -> bool:
    """Whether enough actions met the full disk.

    Without room for data each that writes more than a little does. A server without room for WAL stops, and the
    checkpoint of its start removes segments: what writes less than that is done after all.
    """
    return len(said) >= (1 if cramped.is_wal else least)


async def _try(case: Case, cramped: Cramped, desk: Desk, folder: Path, tried: Tried) -> None:
    """Run the action on the full server and again with room."""
    name = case.name or case.action
    month = desk.ask(f"SELECT to_char({AGO['old']}, 'YYYY-MM')")
    given: dict[str, Any] = {key: value.format(month=month, folder=folder) for key, value in case.given}
    rows = desk.ask(ROWS)
    desk.do("CHECKPOINT")
    with cramped.full(desk):
        first, sentence = await _run(case, desk, given)
    await eventually(lambda: desk.ask("SELECT 1") == 1)
    if case.action != "export-archive" and desk.ask(ROWS) != rows:
        tried.wrong.append(f"{name}: rows were lost or doubled")
    if first is Outcome.DONE:
        return
    tried.said.append(f"{name}: {sentence}")
    again, message = await _run(case, desk, given)
    if again not in {Outcome.DONE, Outcome.NOTHING}:
        tried.wrong.append(f"{name}: {sentence} | {message}")
    if case.action != "export-archive" and desk.ask(ROWS) != rows:
        tried.wrong.append(f"{name}: rows were lost or doubled when it was run again")


@pytest.mark.slow
@pytest.mark.pg("!= 14, != 16, != 17, != 19")
async def test_without_room_an_action_says_so_and_the_same_command_resumes_it(
    cramped: Cramped, migrations: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    room = cramped.server.fresh_database()
    with cramped.server.connect(room) as session:
        for statement in ROOM:
            session.execute(statement.encode())
    tried = Tried()
    for number, case in enumerate(TRIED):
        with clones(cramped.server, room) as make:
            folder = tmp_path / f"{number}"
            folder.mkdir()
            (migrations / "0900_more.sql").unlink(missing_ok=True)  # of the case before
            forget_files()
            ((_, desk),) = await prepared([case], make, migrations, folder)
            await _try(case, cramped, desk, folder, tried)
    words = (*FULL, *GONE) if cramped.is_wal else FULL
    assert tried.wrong == []
    assert [each for each in tried.said if not any(word in each for word in words)] == []
    assert _met(cramped, tried.said, len(TRIED) // 3), tried.said


# What needs a program, or a database of another kind


def _jobs(desk: Desk) -> None:
    """Jobs as run-job, retry-job and cancel-job need them."""
    desk.do(
        "INSERT INTO public.background_jobs (job_type, status, scheduled_for, attempts, max_attempts) VALUES "
        "('vacuum-analyze', 'pending', now() + interval '1 day', 0, 3), ('vacuum-analyze', 'failed', now(), 3, 3)",
    )


def _adopted(desk: Desk) -> None:
    grown.make(desk, requests=3000, misfits=False)


def _bloated(desk: Desk) -> None:
    bloat(desk, rows=20_000, width=1500, kept=2)


ELSEWHERE: tuple[tuple[Case, Callable[[Desk], None], str], ...] = (
    (Case("repack-table", (("table", "public.bloated"),)), _bloated, "SELECT sum(id)::text FROM public.bloated"),
    (Case("adopt-schema"), _adopted, "SELECT count(*)::text FROM public.content_requests"),
    *(
        (Case(name, given), _jobs, "SELECT count(*)::text FROM public.users")
        for name, given in (
            ("schedule-jobs", ()),
            ("run-job", (("job", "1"),)),
            ("cancel-job", (("job", "1"),)),
            ("retry-job", (("job", "2"),)),
            ("sample-capacity", ()),
        )
    ),
)
# What an interrupted change can leave: nothing of it is there once the same command has ended.
LEFT = (
    "SELECT (SELECT count(*) FROM pg_index WHERE NOT indisvalid) "
    "+ (SELECT count(*) FROM pg_class WHERE relname ~ '_ccnew|_ccold' OR relpersistence = 't') "
    "+ (SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE nspname = 'repack' "
    "AND relname ~ '^(log|table)_[0-9]') + (SELECT count(*) FROM pg_trigger WHERE tgname = 'repack_trigger') "
    "+ (SELECT count(*) FROM pg_constraint WHERE NOT convalidated AND connamespace = 'public'::regnamespace) "
    "+ (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND database = "
    "(SELECT oid FROM pg_database WHERE datname = current_database())) "
    "+ (SELECT count(*) FROM pg_replication_slots)"
)


@pytest.mark.slow
@pytest.mark.pg("!= 14, != 16, != 17")
async def test_repacking_adopting_and_jobs_say_that_the_disk_is_full_and_leave_nothing(
    cramped: Cramped, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    installed = cramped.server.fresh_database()
    with cramped.server.connect(installed, OWNER) as session:
        install_schema(session, cramped.server.major)
    said, wrong = list[str](), list[str]()
    for case, make, rows in ELSEWHERE:
        if case.action == "repack-table" and cramped.server.major < 19 and not has_repack(cramped.server):
            continue
        desk = Desk(
            cramped.server, cramped.server.fresh_database(installed if make is _jobs else None), default_trail()
        )
        make(desk)
        before = desk.ask(rows)
        desk.do("CHECKPOINT")
        with cramped.full(desk):
            first, sentence = await _run(case, desk, dict(case.given))
        await eventually(lambda: desk.ask("SELECT 1") == 1)  # noqa: B023
        said.append(f"{case.action}: {first} {sentence}")
        if first is not Outcome.DONE:
            again, message = await _run(case, desk, dict(case.given))
            if again not in {Outcome.DONE, Outcome.NOTHING}:
                wrong.append(f"{case.action}: {sentence} | {message}")
        if desk.ask(rows) != before:
            wrong.append(f"{case.action}: rows were lost or doubled")
        if desk.ask(LEFT):
            wrong.append(f"{case.action}: it left something")
        cramped.server.drop_database(desk.database)
    words = (*FULL, *GONE) if cramped.is_wal else FULL
    assert wrong == []
    assert [each for each in said if "Outcome.DONE" not in each and not any(word in each for word in words)] == []
    assert _met(cramped, [each for each in said if "Outcome.DONE" not in each], len(said) // 2), said


# The open console


def _says_it_is_away(screen: str) -> bool:
    """The header says that the server is not reachable, the pane why: it is refused, or the server recovers.

    A server that removes WAL as it starts recovers, has no room again, and so on: which of the two is a matter of time.
    """
    return "not reachable" in screen and any(word in " ".join(screen.split()) for word in GONE)


async def test_the_open_console_says_that_the_disk_is_full_and_goes_on_when_there_is_room(
    cramped: Cramped, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    desk = Desk(cramped.server, cramped.server.fresh_database(), default_trail())
    desk.do(
        "CREATE TABLE public.big AS SELECT g AS id, repeat(md5(g::text), 20) AS x FROM generate_series(1, 40000) g",
        "CHECKPOINT",
    )
    async with console(desk.uri, pane="connections", toasts=True) as (app, pilot):
        await until(pilot, lambda: app.pane_view.arranged is not None)
        plan = await app.workspace.plan(action("create-index"), {"table": "public.big", "columns": "id, x"})
        with cramped.full(desk):
            run = await app.workspace.run(plan)
            assert run.outcome is Outcome.FAILED
            assert any(word in run.message for word in (*FULL, *GONE)), run.message
            for key in ("1", "3", "5", "i", "W", "n", "2"):
                await pilot.press(key)
                await pilot.pause()
                assert max(map(len, screen_text(app).splitlines())) <= SMALL[0]
            if cramped.is_wal:
                await until(pilot, lambda: _says_it_is_away(screen_text(app)), "why the server is not reachable")
        await until(pilot, lambda: not app.pane_view.feed.trouble and app.vitals.trouble is None)
        assert "not reachable" not in screen_text(app)
        again = await app.workspace.run(await app.workspace.plan(action("create-index"), plan.parameters))
        assert again.outcome is Outcome.DONE, again.message
        assert desk.ask(LEFT) == 0


@pytest.mark.host
async def test_a_data_directory_behind_a_symbolic_link_is_on_the_file_system_that_it_leads_to(
    cramped: Cramped, tmp_path: Path
) -> None:
    async with Desk(cramped.server, "postgres", Trail(tmp_path / "audit.jsonl")).workspace() as workspace:
        await workspace.sources.postgres.connect()
        disks = {
            row["what"]: row["mount"] for row in (await workspace.sources.named(HOST).fetch("host_disks")).records()
        }
    assert disks["pg_wal" if cramped.is_wal else "data directory"] == str(cramped.space)
    assert disks["data directory" if cramped.is_wal else "pg_wal"] != str(cramped.space)
