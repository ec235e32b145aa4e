"""Runs actions in processes that stop themselves, a backend or a PgBouncer (SIGSTOP) at chosen turns of their loop."""

from __future__ import annotations

import json
import os
import secrets
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from console import sql
from tests.acting import Desk
from tests.command import CHECKOUT
from tests.waiting import wait

CONSOLE, BACKEND = "console", "backend"
LONGEST = 3.0  # seconds for which a backend stays stopped that others wait for
PROGRAM = """
import asyncio, dataclasses, json, os, pathlib, signal, sys
from asyncio import base_events
from console import sql
from console.actions import action
from console.running.runner import Runner
from console.settings import config
from console.settings.config import ArchivePolicy, RefreshPolicy, Wanted
from console.sources.postgres import ActingSession
from console.workspace import Workspace

state = {"turn": None, "backend": 0}
step, opening, running = base_events.BaseEventLoop._run_once, ActingSession.open, Runner.run

def turned(loop):
    step(loop)
    if state["turn"] is None:
        return
    state["turn"] += 1
    if order["turns"] and state["turn"] >= order["turns"][0]:
        others = {"console": os.getpid(), "backend": state["backend"]}
        whom = others[order["whom"]] if order["whom"] in others else int(order["whom"])
        if whom:
            order["turns"].pop(0)
            stop(whom)

def stop(pid):
    said = f"stops {pid}"
    if pid == os.getpid():
        print(said, flush=True)
        os.kill(pid, signal.SIGSTOP)
        return
    try:
        os.kill(pid, signal.SIGSTOP)  # before it is said: who hears it may wake it up at once
        print(said, flush=True)
    except ProcessLookupError:
        pass  # the server has ended the session

async def opened(session):
    await opening(session)
    state["backend"] = session.pid

async def ran(runner, *given, **named):
    state["turn"] = 0
    try:
        return await running(runner, *given, **named)
    finally:
        state["turn"] = None

base_events.BaseEventLoop._run_once, ActingSession.open, Runner.run = turned, opened, ran

async def main():
    settings = dataclasses.replace(
        config.load(environ={}),
        archives=(ArchivePolicy("public.facts", "public.archive", "day", 24),) if order["room"] else (),
        refreshes=(RefreshPolicy("public.low"), RefreshPolicy("public.high")) if order["room"] else (),
    )
    wanted = Wanted(order["uri"], poolers=tuple(order["poolers"]), redis=order["redis"])
    async with Workspace(settings, wanted) as workspace:
        try:
            made = await workspace.plan(action(order["action"]), order["given"])
            run = await workspace.run(made) if made.steps else None
            print("ended", run.outcome.value if run else "nothing", run.message if run else "", flush=True)
        except Exception as why:
            print("ended", "unplanned", type(why).__name__, why, flush=True)

signal.signal(signal.SIGCHLD, signal.SIG_IGN)
for line in sys.stdin:
    order = json.loads(line)
    if child := os.fork():
        print(child, flush=True)
        continue
    os.setsid()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    file = os.open(order["out"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(file, 1)
    os.dup2(file, 2)
    os.environ["XDG_STATE_HOME"] = os.environ["XDG_CONFIG_HOME"] = order["state"]
    sql.content = lambda: pathlib.Path(order["content"])
    asyncio.run(main())
    os._exit(0)
"""


@dataclass(slots=True)
class Told:
    """What came of a run that was stopped and woken up."""

    outcome: str
    message: str
    stops: int


@dataclass(slots=True)
class Stopper:
    """Runs actions in processes that stop somebody at chosen turns."""

    process: subprocess.Popen[str]
    folder: Path
    started: list[int] = field(default_factory=list)

    def run(
        self,
        desk: Desk,
        action: str,
        given: Mapping[str, str],
        turns: Sequence[int],
        whom: str,
        while_stopped: Callable[[], None],
        room: bool = True,
    ) -> Told:
        """Plan and run an action; each time `whom` is stopped, `while_stopped` is called before it is woken up.

        Others than the console are woken up after a while at the latest: where one was stopped in the middle of its
        work, whatever `while_stopped` asks the server may have to wait for it.
        """
        out = self.folder / f"{secrets.token_hex(6)}.out"
        order = {
            "uri": desk.uri, "poolers": desk.poolers, "redis": desk.redis, "room": room, "action": action,
            "given": dict(given), "turns": list(turns), "whom": whom, "out": str(out),
            "state": str(desk.trail.path.parent.parent), "content": str(sql.content()),
        }  # fmt: skip
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        print(json.dumps(order), file=self.process.stdin, flush=True)
        pid = int(self.process.stdout.readline())
        self.started.append(pid)
        stops = 0
        while True:
            lines: list[str] = []

            def more(seen: int = stops, lines: list[str] = lines) -> bool:
                ends = not is_alive(pid)  # asked first: what it says before it ends must be among the lines
                lines[:] = out.read_text().splitlines() if out.exists() else []
                return sum(line.startswith("stops") for line in lines) > seen or ends

            wait(more)
            if sum(line.startswith("stops") for line in lines) == stops:
                break
            stopped = int([line for line in lines if line.startswith("stops")][stops].split()[1])
            stops += 1
            if stopped == pid:
                wait(lambda: is_stopped(pid) or not is_alive(pid))
                while_stopped()
            else:
                with woken_later(stopped):
                    while_stopped()
            wake(stopped)
        ended = [line.split(" ", 2) for line in lines if line.startswith("ended")]
        assert ended, f"{action}: it ended without a word: {lines}"
        return Told(ended[-1][1], ended[-1][2] if len(ended[-1]) > 2 else "", stops)


@contextmanager
def stopper(folder: Path) -> Iterator[Stopper]:
    """Runs actions; what it started is gone in the end."""
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM], cwd=CHECKOUT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    made = Stopper(process, folder)
    try:
        yield made
    finally:
        for pid in made.started:
            with suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGKILL)
        process.kill()
        process.communicate()


@contextmanager
def woken_later(pid: int) -> Iterator[None]:
    """Wake up a process in the middle of the block if it takes long."""
    timer = threading.Timer(LONGEST, wake, (pid,))
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()


def wake(pid: int) -> None:
    """Let a stopped process go on, if it is still there."""
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGCONT)


def is_stopped(pid: int) -> bool:
    """Whether a process is stopped."""
    return state_of(pid) == "T"


def is_alive(pid: int) -> bool:
    """Whether a process is there and has not ended."""
    return state_of(pid) not in {"", "Z", "X"}


def state_of(pid: int) -> str:
    """The state of a process, one letter; empty: it is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return ""
