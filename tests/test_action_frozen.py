"""The console frozen (SIGSTOP) at the worst moment of a transaction: others are blocked for five seconds at most.

The worst moment is before COMMIT, when every lock of the transaction is held. A statement outside a transaction ends
by itself whether or not its console lives.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from console import sql
from console.actions import action
from console.model import Outcome
from console.running.runner import HELD_UP
from console.running.trail.audit import default_trail
from tests.acting import Desk
from tests.command import CHECKOUT
from tests.room import AHEAD, PENDING, PLAIN, REST, desks, migrations, room
from tests.sql_files import forget_files
from tests.waiting import PATIENCE, wait

__all__ = ["desks", "migrations", "room"]

LIMIT = 5.0
PROGRAM = """
import asyncio, contextlib, dataclasses, os, pathlib, signal, sys
from console import sql
from console.settings import config
from console.actions import action
from console.actions.planning import plan
from console.running.trail.audit import default_trail
from console.settings.config import ArchivePolicy, RefreshPolicy
from console.sources.postgres import ActingSession, PostgresServer
from console.running.runner import Runner

class Frozen(ActingSession):
    sent, was_frozen = "", False

    async def execute(self, statement, parameters=None):
        self.sent += statement
        return await super().execute(statement, parameters)

    async def batch(self, statement):
        self.sent += statement
        return await super().batch(statement)

    async def script(self, *statements, ahead=()):
        self.sent += "; ".join(statements)
        return await super().script(*statements, ahead=ahead)

    @contextlib.asynccontextmanager
    async def transaction(self, *first, last=()):
        self.sent = ""
        async with super().transaction(*first, last=last) as replies:
            yield replies
            if where in self.sent and not self.was_frozen:
                self.was_frozen = True
                os.kill(os.getpid(), signal.SIGSTOP)

async def main():
    server = PostgresServer(uri)
    settings = dataclasses.replace(
        config.load(environ={}),
        archives=(ArchivePolicy("public.facts", "public.archive", "day", 24),),
        refreshes=(RefreshPolicy("public.low"), RefreshPolicy("public.high")),
    )
    made = await plan(action(name), server, dict(one.split("=", 1) for one in given), settings)
    run = await Runner(Frozen(uri), server, default_trail()).run(made)
    print(run.outcome.value, run.message, *run.notes)

uri, content, where, name, *given = sys.argv[1:]
sql.content = lambda: pathlib.Path(content)
asyncio.run(main())
"""
# Locks that are in the way of more than DDL, or of an ACCESS EXCLUSIVE lock, by whoever acts here.
HELD = (
    "SELECT count(*) FROM pg_locks l JOIN pg_stat_activity a USING (pid) WHERE a.datname = current_database() "
    "AND a.application_name = 'pipeline-console act' AND l.locktype = 'relation' AND l.granted "
    "AND l.relation >= 16384"
)


@dataclass(frozen=True, slots=True)
class Case:
    """An action, and what the transaction in which it freezes has sent."""

    action: str
    where: str
    given: tuple[tuple[str, str], ...] = ()
    setup: tuple[str, ...] = ()
    before: str = ""


EVENTS = (("table", "public.events"),)
CASES = (
    Case("create-partitions", "ATTACH PARTITION", AHEAD),
    Case("create-partitions", "ATTACH PARTITION", AHEAD, REST),
    Case("archive-analytics", "COMMENT ON TABLE"),
    Case("archive-analytics", "ATTACH PARTITION"),
    Case("archive-analytics", "DETACH PARTITION", setup=REST),
    Case("archive-analytics", "DELETE FROM ONLY", setup=PLAIN),
    Case("restore-analytics", "ATTACH PARTITION", (("month", "{month}"),), before="archive-analytics"),
    Case(
        "export-archive",
        "DROP TABLE",
        (("month", "{month}"), ("directory", "{folder}"), ("drop", "yes")),
        before="archive-analytics",
    ),
    Case("refresh-views", "CONCURRENTLY public.low"),
    Case("refresh-views", "VIEW public.high"),
    Case("apply-schema", "ALTER TABLE public.facts", before="apply-schema"),
    Case("partition-table", "RENAME TO", (*EVENTS, ("key", "at"), ("way", "attach"))),
    Case("partition-table", "CREATE TRIGGER", (*EVENTS, ("key", "at"), ("way", "copy"))),
    Case("partition-table", "RENAME TO", (*EVENTS, ("key", "at"), ("way", "copy"))),
    Case("partition-by-hash", "RENAME TO", (*EVENTS, ("key", "id"), ("anyway", "yes"))),
)


@contextmanager
def console(case: Case, desk: Desk, given: list[str]) -> Iterator[subprocess.Popen[str]]:
    """A console that freezes itself in the middle of its action."""
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, desk.uri, str(sql.content()), case.where, case.action, *given],
        cwd=CHECKOUT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def stopped(process: subprocess.Popen[str]) -> bool:
    assert process.poll() is None, process.communicate()[0]
    return "T (stopped)" in Path(f"/proc/{process.pid}/status").read_text(encoding="utf-8")


def blocked(case: Case, desk: Desk, given: list[str]) -> tuple[float, str]:
    """For how many seconds the frozen console kept its locks, and what it says when it wakes up."""
    with console(case, desk, given) as process, desk.session() as session:
        wait(lambda: stopped(process))
        began = time.monotonic()
        assert session.execute(HELD).fetchone() != (0,), f"{case.action} held nothing at {case.where}"
        wait(lambda: session.execute(HELD).fetchone() == (0,))
        seconds = time.monotonic() - began
        os.kill(process.pid, signal.SIGCONT)
        return seconds, process.communicate(timeout=PATIENCE)[0]


async def tried(case: Case, desk: Desk, folder: Path) -> float:
    """Freeze the action; once awake it connects again, says so, and goes on to its end."""
    month = desk.ask("SELECT to_char(now() AT TIME ZONE 'UTC' - interval '30 months', 'YYYY-MM')")
    given: dict[str, Any] = {name: value.format(month=month, folder=folder) for name, value in case.given}
    seconds, said = await asyncio.to_thread(blocked, case, desk, [f"{name}={value}" for name, value in given.items()])
    assert said.startswith("done"), f"{case.action}, frozen at {case.where}: {said}"
    assert HELD_UP in said, f"{case.action}, frozen at {case.where}: {said}"
    return seconds


@pytest.mark.pg("!= 14, != 16, != 17")
async def test_a_frozen_console_blocks_others_for_five_seconds_at_most(
    desks: Callable[[], Desk], migrations: Path, tmp_path: Path
) -> None:
    desk_of = {case: desks() for case in CASES}
    for case, desk in desk_of.items():
        desk.do(*case.setup)
        if case.before:
            assert (await desk.run(action(case.before))).outcome is Outcome.DONE
    (migrations / "0900_more.sql").write_text(PENDING)
    forget_files()
    folders = {case: tmp_path / str(number) for number, case in enumerate(CASES)}
    for folder in folders.values():
        folder.mkdir()
    few = asyncio.Semaphore(4)  # more would freeze each other on a busy machine

    async def one_of_few(case: Case, desk: Desk) -> float:
        async with few:
            return await tried(case, desk, folders[case])

    seconds = await asyncio.gather(*(one_of_few(case, desk) for case, desk in desk_of.items()))
    told = {
        f"{case.action} at {case.where} {number}": took
        for number, (case, took) in enumerate(zip(CASES, seconds, strict=True))
    }
    assert {name: took for name, took in told.items() if took > LIMIT} == {}
    assert default_trail().path.exists()
