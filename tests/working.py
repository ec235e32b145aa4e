"""What jobs and workers are tested with: an owner's console, workers in this process and in others, to be killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from console.demo.cluster import OWNER
from console.demo.content import install_schema
from console.running.trail.audit import Trail
from console.settings import config
from console.watching.delivery import Mailbox
from console.worker.checking import HealthCheck
from console.worker.engine import Worker
from console.worker.events import WorkerEvent
from console.worker.performing import Performer
from console.worker.queue import Queue
from tests.acting import Desk
from tests.command import CHECKOUT
from tests.servers import PostgresServer as Cluster


@pytest.fixture(scope="module", name="template")
def an_installed_schema(pg: Cluster) -> Iterator[str]:
    """A database with the pipeline schema and no rows."""
    name = pg.fresh_database()
    with pg.connect(name, OWNER) as session:
        install_schema(session, pg.major)
    yield name
    pg.drop_database(name)


@pytest.fixture(name="desk")
def desk_of_the_owner(pg: Cluster, template: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    """A console of the schema's owner on a copy of it; its trail is the one that commands find."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    name = pg.fresh_database(template)
    yield Desk(pg, name, Trail(tmp_path / "pipeline-console" / "audit.jsonl"), user=OWNER)
    pg.drop_database(name)


PROGRAM = """
import asyncio, dataclasses, json, os, signal, sys, psycopg
from pathlib import Path
from console.jobs.job import Done
from console.settings import config
from console.worker.engine import Worker
from console.worker.queue import Queue

uri, lease, gate = json.loads(sys.argv[1])
settings = dataclasses.replace(config.load(environ={}).jobs, poll_seconds=0.1, retry_seconds=0.0, stop_seconds=60.0)

async def main():
    connection = await psycopg.AsyncConnection.connect(uri, autocommit=True)

    async def perform(job, report):
        report("at work")
        await connection.execute("INSERT INTO effects (job, claim) VALUES (%s, %s)", (job.id, job.worker))
        while gate and not Path(gate).exists():
            await asyncio.sleep(0.05)
        await asyncio.sleep(SECONDS)
        return Done("done", {"by": os.getpid()})

    worker = Worker(Queue(uri, f"test:{os.getpid()}", lease), settings, perform,
                    lambda event: print(event.what.value, flush=True))
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, worker.stop)
    await worker.run()

"""
ALONE = f"{PROGRAM}\nSECONDS = 0\nasyncio.run(main())\n"
# Forks a worker for each line that it reads, and says its process id: that takes no time to import.
NURSERY = f"""{PROGRAM}
SECONDS = 0.3
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
for line in sys.stdin:
    if child := os.fork():
        print(child, flush=True)
    else:
        sys.stdout = open(os.devnull, "w")
        asyncio.run(main())
        os._exit(0)
"""


@dataclass(frozen=True, slots=True)
class Nursery:
    """Workers that can be killed with a signal, each of which takes 0.3 seconds for a job."""

    process: subprocess.Popen[str]

    def start(self) -> int:
        """Start another worker; its process id."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        print(file=self.process.stdin, flush=True)
        return int(self.process.stdout.readline())


@contextmanager
def nursery(desk: Desk) -> Iterator[Nursery]:
    """A place for workers of a database, all of which are gone in the end."""
    process = _program(NURSERY, [desk.uri, 1.0, ""], start_new_session=True)
    try:
        yield Nursery(process)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


@contextmanager
def working(desk: Desk, lease: float = 1.0, gate: str = "") -> Iterator[subprocess.Popen[str]]:
    """A process that works on the jobs of a database: each inserts into the table effects, and waits for a file."""
    process = _program(ALONE, [desk.uri, lease, gate])
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def _program(text: str, argument: object, start_new_session: bool = False) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", text, json.dumps(argument)],
        cwd=CHECKOUT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=start_new_session,
    )


async def work(desk: Desk, settings: config.Settings | None = None) -> list[WorkerEvent]:
    """Run all due jobs of the desk's database in this process; what the worker reported."""
    events: list[WorkerEvent] = []
    found = settings or desk.settings
    queue = Queue(desk.uri, "test:here", found.jobs.lease_seconds)
    mailbox = Mailbox((), lambda _: None)
    desk = replace(desk, settings=found)
    try:
        async with desk.workspace() as workspace:
            health = HealthCheck(workspace, lambda _: None, mailbox.send, lambda _: None)
            await Worker(queue, found.jobs, Performer(workspace, health).perform, events.append).run(once=True)
    finally:
        await queue.close()
        await mailbox.close()
    return events
