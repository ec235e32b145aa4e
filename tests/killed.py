"""A console that is killed with -9 at an exact moment of its run."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys

from tests.acting import Desk
from tests.waiting import wait

PROGRAM = """
import asyncio, json, os, signal, sys
from console.settings import config
from console.actions import action
from console.actions.planning import plan
from console.running.trail.audit import Trail, default_trail
from console.sources.postgres import ActingSession, PostgresServer
from console.running.runner import Runner

name, uri, given, event, count, when = json.loads(sys.argv[1])
write, left = Trail.write, count

def dying(trail, *entries, **options):
    global left
    written = None if entries else write(trail, **options)
    for entry in entries:  # one by one, as a disk may keep the beginning of what was written at once
        left -= entry["event"] == event
        if left == 0 and when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        written = write(trail, entry, **options)
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
    return written

Trail.write = dying

async def main():
    server = PostgresServer(uri)
    made = await plan(action(name), server, given, config.load(environ={}))
    await Runner(ActingSession(uri), server, default_trail()).run(made)

asyncio.run(main())
"""


def killed(desk: Desk, name: str, event: str, count: int = 1, when: str = "before", **given: str) -> None:
    """Run an action in a console that is killed `when` ("before", "after") it writes so many entries `event`.

    Returns once the server is rid of its session.
    """
    told = json.dumps(
        [name, desk.uri, {key.replace("_", "-"): value for key, value in given.items()}, event, count, when]
    )
    state = {"XDG_STATE_HOME": str(desk.trail.path.parent.parent)}
    ended = subprocess.run([sys.executable, "-c", PROGRAM, told], env={**os.environ, **state}, check=False)
    assert ended.returncode == -signal.SIGKILL, "no kill met the running console"
    acting = "application_name = 'pipeline-console act' AND datname = current_database()"
    wait(lambda: desk.ask(f"SELECT count(*) FROM pg_stat_activity WHERE {acting}") == 0)
