"""The server that stops in the middle of actions: frozen with all its processes, or without room for WAL."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from console.actions import action
from console.demo.account import give, server_account
from console.model import Kind, Outcome, Trouble
from console.running.progress import Run
from console.running.trail.audit import Trail
from console.settings.config import ArchivePolicy, load
from tests.acting import Desk
from tests.room import AGO, PLAIN, ROOM, desks, migrations, room
from tests.servers import PostgresServer, Servers
from tests.test_action_waits import CASES, Case, prepared
from tests.waiting import eventually

__all__ = ["desks", "migrations", "room"]

FREEZES = 3
ROWS = (
    "SELECT (SELECT count(*) FROM public.facts) + (SELECT count(*) FROM public.archive) "
    "+ (SELECT count(*) FROM public.events)"
)


def processes(server: PostgresServer) -> list[int]:
    """The postmaster and its children."""
    assert server.data is not None
    postmaster = (server.data / "postmaster.pid").read_text().splitlines()[0]
    found = [int(postmaster)]
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text(errors="replace").rpartition(")")[2].split()
        except OSError:  # it has ended
            continue
        if fields[1] == postmaster:
            found.append(int(stat.parent.name))
    return found


@contextmanager
def frozen(server: PostgresServer) -> Iterator[None]:
    """The server does nothing meanwhile, and accepts nobody."""
    stopped = []
    try:
        for pid in processes(server):  # the postmaster first: it starts no other
            os.kill(pid, signal.SIGSTOP)
            stopped.append(pid)
        yield
    finally:
        for pid in reversed(stopped):
            os.kill(pid, signal.SIGCONT)


async def carried_out(case: Case, desk: Desk, given: dict[str, Any], running: list[Run]) -> str:
    """Run the action, after an interruption once more; why it was not done in the end, or empty.

    A frozen server interrupts a run once, but may be met by any number of plans.
    """
    why, interrupted = "", 0
    while interrupted <= FREEZES:
        try:
            async with desk.workspace() as workspace:
                plan = await workspace.plan(
                    action(case.action), {name.replace("_", "-"): given[name] for name in given}
                )
                run = workspace.start(plan, lambda _: None)
                running.append(run)
                await workspace.wait(run)
        except Trouble as trouble:  # the plan met the frozen server
            why = str(trouble)
            if trouble.kind in {Kind.UNREACHABLE, Kind.BUSY}:
                continue
            return f"{case.name or case.action}: {why}"
        if run.outcome is Outcome.DONE or (why and run.outcome is Outcome.NOTHING):  # it was done before the silence
            return ""
        why = f"{case.name or case.action}: {run.message}"
        interrupted += 1
    return why


@pytest.mark.slow
@pytest.mark.pg("!= 14, != 15, != 16, != 17")
async def test_actions_on_a_frozen_server_say_so_and_lose_nothing(
    pg: PostgresServer, desks: Callable[[], Desk], migrations: Path, tmp_path: Path
) -> None:
    desk_of = await prepared(CASES, desks, migrations, tmp_path)
    months = {case: desk.ask(f"SELECT to_char({AGO['old']}, 'YYYY-MM')") for case, desk in desk_of}
    before = {desk.database: desk.ask(ROWS) for _, desk in desk_of}
    few, running, silences = asyncio.Semaphore(6), list[Run](), list[str]()

    async def tried(case: Case, desk: Desk) -> str:
        given = {name: value.format(month=months[case], folder=tmp_path) for name, value in case.given}
        async with few:
            return await carried_out(case, desk, given, running)

    work = asyncio.gather(*(tried(case, desk) for case, desk in desk_of))
    for _ in range(FREEZES):
        seen = len(running)
        await eventually(lambda: work.done() or any(run.outcome is None for run in running[seen + 2 :]))  # noqa: B023
        with frozen(pg):
            await eventually(lambda: all(run.silence for run in running if run.outcome is None))
            silences += [run.silence for run in running if run.outcome is None]
    assert [why for why in await work if why] == []
    assert silences, "no freeze met a running action"
    after = {desk.database: desk.ask(ROWS) for case, desk in desk_of if case.action != "export-archive"}
    assert after == {database: rows for database, rows in before.items() if database in after}


# Without room for WAL


@pytest.fixture
def cramped(pg_servers: Servers, tmp_path: Path) -> Iterator[tuple[PostgresServer, Path]]:
    """A server whose pg_wal is a small file system of its own, and the folder of that."""
    if pg_servers.choices[pg_servers.newest].installation is None or os.geteuid() != 0:
        pytest.skip("needs local binaries and root")
    server = pg_servers.new(pg_servers.newest, {"max_wal_size": "64MB", "min_wal_size": "32MB"})
    assert server.data is not None
    wal, room = server.data / "pg_wal", server.data.parent / f"{server.data.name}-wal"
    server.stop()
    room.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=80m", "tmpfs", str(room)], check=False).returncode:
        pytest.skip("file systems cannot be mounted here")
    try:
        subprocess.run(["cp", "-a", f"{wal}/.", str(room)], check=True)
        subprocess.run(["rm", "-rf", str(wal)], check=True)
        wal.symlink_to(room)
        give(server_account(), room)
        server.start()
        yield server, room
        server.stop()
    finally:
        subprocess.run(["umount", str(room)], check=True)


@pytest.mark.slow
async def test_without_room_for_wal_a_run_fails_and_the_same_command_resumes_it(
    cramped: tuple[PostgresServer, Path], tmp_path: Path
) -> None:
    server, room = cramped
    settings = load(environ={})
    settings = replace(settings, archives=(ArchivePolicy("public.facts", "public.archive", "day", 24),))
    desk = Desk(server, "postgres", Trail(tmp_path / "audit.jsonl"), settings)
    grow = (
        "INSERT INTO public.facts SELECT id, day, md5(random()::text) || repeat(md5(id::text), 200) "
        f"FROM public.facts, generate_series(1, 60) WHERE day = {AGO['old']}"
    )
    desk.do(*ROOM, *PLAIN, "ALTER TABLE public.facts ALTER note SET STORAGE EXTERNAL", grow, "CHECKPOINT")
    rows = desk.ask(ROWS)
    filler = room / "filler"
    current = desk.ask("SELECT pg_walfile_name(pg_current_wal_lsn())")
    for segment in room.glob("[0-9A-F]" * 24):
        if segment.name > current:  # made ahead: none of them is written to yet
            segment.unlink()
    filler.write_bytes(bytes(os.statvfs(room).f_bavail * os.statvfs(room).f_bsize))
    run = await desk.run(action("archive-analytics"))
    assert run.outcome in {Outcome.FAILED, Outcome.STOPPED}
    # Whether the session itself met the full disk, or another process did and the server ended all sessions.
    ended = "The connection to the server was lost." in run.message
    assert ended or ("The server's disk is full" in run.message and "pg_wal" in run.message)
    filler.unlink()
    server.restart()
    assert desk.ask(ROWS) == rows
    run = await desk.run(action("archive-analytics"))
    assert run.outcome is Outcome.DONE, run.message
    assert desk.ask(ROWS) == rows
    assert desk.ask(f"SELECT count(*) FROM public.facts WHERE day = {AGO['old']}") == 0
