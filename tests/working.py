"""Workers of tests: in the test's own process, and processes that can be killed or stopped with a signal."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from console.settings import config
from console.watching.delivery import Mailbox
from console.worker.checking import HealthCheck
from console.worker.engine import Worker
from console.worker.events import WorkerEvent
from console.worker.performing import Performer
from console.worker.queue import Queue
from tests.acting import Desk
from tests.command import CHECKOUT

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
        return Done("done", {"by": os.getpid()})

    worker = Worker(Queue(uri, f"test:{os.getpid()}", lease), settings, perform,
                    lambda event: print(event.what.value, flush=True))
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, worker.stop)
    await worker.run()

asyncio.run(main())
"""


@contextmanager
def working(desk: Desk, lease: float = 1.0, gate: str = "") -> Iterator[subprocess.Popen[str]]:
    """A process that works on the jobs of a database: each inserts into the table effects, and waits for a file."""
    process = start(desk, lease, gate)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def start(desk: Desk, lease: float = 1.0, gate: str = "") -> subprocess.Popen[str]:
    """As `working`, to be killed by the caller."""
    argument = json.dumps([desk.uri, lease, gate])
    program = [sys.executable, "-c", PROGRAM, argument]
    return subprocess.Popen(program, cwd=CHECKOUT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


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
