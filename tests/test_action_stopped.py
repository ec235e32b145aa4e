"""The console stopped (SIGSTOP) between its statements and woken up again: nothing is doubled, lost or outdated."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from console.actions import action
from console.model import Outcome
from console.running.trail.audit import default_trail
from tests.acting import Desk, held
from tests.command import CHECKOUT
from tests.room import AHEAD, PLAIN, desks, room
from tests.test_action_frozen import stopped
from tests.waiting import PATIENCE, wait

__all__ = ["desks", "room"]

PROGRAM = """
import asyncio, dataclasses, os, signal, sys
from console.actions import action
from console.actions.planning import plan
from console.running import runner
from console.running.trail.audit import default_trail
from console.settings import config
from console.settings.config import ArchivePolicy
from console.sources.postgres import ActingSession, PostgresServer

uri, moment, name, *given = sys.argv[1:]
owner, method, skipped = {
    "planning": (PostgresServer, "fetch", 2),
    "before the first step": (runner, "take", 0),
    "between steps": (runner.Runner, "_done", 0),
    "waiting for a lock": (runner.Runner, "_holders", 0),
}[moment]
original, left = getattr(owner, method), skipped

async def stopping(*arguments, **named):
    global left
    answer = await original(*arguments, **named)
    left -= 1
    if left == -1:
        os.kill(os.getpid(), signal.SIGSTOP)
    return answer

setattr(owner, method, stopping)

async def main():
    server = PostgresServer(uri)
    policies = (ArchivePolicy("public.facts", "public.archive", "day", 24),)
    settings = dataclasses.replace(config.load(environ={}), archives=policies)
    made = await plan(action(name), server, dict(one.split("=", 1) for one in given), settings)
    run = await runner.Runner(ActingSession(uri), server, default_trail()).run(made)
    print(run.outcome.value, run.message)

asyncio.run(main())
"""
# Between two steps the next transaction may have begun. The server ends it after 2 s, and with it the session.
ENDED = "idle-in-transaction timeout"
MOMENTS = ("planning", "before the first step", "between steps", "waiting for a lock")
CHANGE = "ALTER TABLE public.facts ADD COLUMN late int", "ALTER TABLE public.archive ADD COLUMN late int"
ROWS = "SELECT (SELECT count(*) FROM public.facts) || ' ' || (SELECT count(*) FROM public.archive)"
PARTS = (
    "SELECT string_agg(inhrelid::regclass || ' of ' || inhparent::regclass, ', ' ORDER BY inhrelid::regclass::text) "
    "FROM pg_inherits WHERE inhparent IN ('public.facts'::regclass, 'public.archive'::regclass)"
)


@dataclass(frozen=True, slots=True)
class Stop:
    """An action that is stopped at a moment, and whether its table changes before it is woken up."""

    action: str
    moment: str
    given: tuple[tuple[str, str], ...] = ()
    setup: tuple[str, ...] = ()
    changed: bool = False


def stops(name: str, given: tuple[tuple[str, str], ...], setup: tuple[str, ...]) -> list[Stop]:
    """An action at each moment, its table changed and not."""
    moments = [moment for moment in MOMENTS if not (moment == "between steps" and setup)]  # batches are one step
    return [Stop(name, moment, given, setup, changed) for moment in moments for changed in (False, True)]


def woken(stop: Stop, desk: Desk) -> str:
    """What the console says that was stopped and woken up."""
    given = [f"{name}={value}" for name, value in stop.given]
    command = [sys.executable, "-c", PROGRAM, desk.uri, stop.moment, stop.action, *given]
    process = subprocess.Popen(command, cwd=CHECKOUT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        if stop.moment == "waiting for a lock":
            with held(desk, "LOCK TABLE public.facts IN SHARE ROW EXCLUSIVE MODE"):
                wait(lambda: stopped(process))
        else:
            wait(lambda: stopped(process))
        if stop.changed:
            desk.do(*CHANGE)
        os.kill(process.pid, signal.SIGCONT)
        return process.communicate(timeout=PATIENCE)[0]
    finally:
        process.kill()
        process.communicate()


async def tried(stop: Stop, desk: Desk) -> str:
    """What the stopped console said, after the same action has been run to its end."""
    desk.do(*stop.setup)
    said = await asyncio.to_thread(woken, stop, desk)
    given: dict[str, Any] = dict(stop.given)
    run = await desk.run(action(stop.action), **given)
    assert run.outcome in {Outcome.DONE, Outcome.NOTHING}, f"{stop}: {said} {run.message}"
    return said


@pytest.mark.pg("!= 14, != 16, != 17")
@pytest.mark.parametrize(
    ("name", "given", "setup"),
    [
        pytest.param("create-partitions", AHEAD, (), id="create-partitions"),
        pytest.param("archive-analytics", (), (), id="archive whole", marks=pytest.mark.slow),
        pytest.param("archive-analytics", (), PLAIN, id="archive batches", marks=pytest.mark.slow),
    ],
)
async def test_a_console_that_was_stopped_goes_on_or_refuses_what_changed(
    desks: Callable[[], Desk], name: str, given: tuple[tuple[str, str], ...], setup: tuple[str, ...]
) -> None:
    few, desk_of = asyncio.Semaphore(4), {stop: desks() for stop in stops(name, given, setup)}

    async def one_of_few(stop: Stop, desk: Desk) -> str:
        async with few:
            return await tried(stop, desk)

    said = await asyncio.gather(*(one_of_few(*each) for each in desk_of.items()))
    for stop, text in zip(desk_of, said, strict=True):
        if stop.moment == "between steps" and ENDED in text:
            continue
        if stop.changed and stop.moment != "planning":  # a plan that is still being made sees the change
            assert "changed since it was planned" in text or "lost" in text, (stop, text)
        elif not stop.changed:
            assert text.startswith("done"), (stop, text)
    states = {(desk.ask(ROWS), desk.ask(PARTS)) for desk in desk_of.values()}
    assert len(states) == 1, "each row and each partition is there once, however it was stopped"
    assert next(iter(states))[0] == ("100 200" if name == "archive-analytics" else "300 0")
    assert default_trail().path.exists()
