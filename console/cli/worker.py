"""`worker`: runs due jobs of background_jobs until it is stopped, and prints a line for each thing that happens."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime

from console.cli.printing import settle
from console.cli.watch_text import line as finding_line
from console.format import to_json
from console.jobs.kinds import KINDS
from console.model import read_only
from console.settings.config import Settings, Wanted
from console.watching.delivery import Mailbox, receivers
from console.worker.checking import HealthCheck
from console.worker.engine import Worker
from console.worker.events import What, WorkerEvent, document, line
from console.worker.performing import Performer
from console.worker.queue import Queue
from console.workspace import Workspace

ENDS: Mapping[int, int] = {signal.SIGTERM: 0, signal.SIGHUP: 0, signal.SIGINT: 130}  # signal → exit code

Say = Callable[[str], None]


def worker(form: str, once: bool, settings: Settings, wanted: Wanted, say: Say) -> int:
    """Work until a signal, or with `once` until no job is due; the exit code. Raises Trouble if it cannot begin."""
    if wanted.read_only:
        raise read_only()
    return asyncio.run(_work(form, once, settings, wanted, say))


async def _work(form: str, once: bool, settings: Settings, wanted: Wanted, say: Say) -> int:
    lines = _Lines()

    def report(event: WorkerEvent) -> None:
        at = datetime.now(UTC)
        lines.write(to_json(document(event, at), indent=None) if form == "json" else line(event, at))

    def show(found: Mapping[str, object]) -> None:
        lines.write(to_json(found, indent=None) if form == "json" else finding_line(found))

    name = f"{socket.gethostname()[:60]}:{os.getpid()}"
    queue = Queue(wanted.target, name, settings.jobs.lease_seconds)
    mailbox = Mailbox(receivers(settings.deliveries), say)
    try:
        async with Workspace(settings, wanted) as workspace:
            performer = Performer(workspace, HealthCheck(workspace, show, mailbox.send, say))
            engine = Worker(queue, settings.jobs, performer.perform, report)
            lines.lost = engine.stop
            with _stopped_by_signals(engine, settings.jobs.stop_seconds, say) as got:
                await queue.open()
                report(WorkerEvent(What.STARTED, message=f"{name}, for {', '.join(KINDS)}"))
                await engine.run(once)
            report(WorkerEvent(What.STOPPED, message=engine.tally.sentence))
            if not got:
                lines.check()
            return ENDS[got[0]] if got else int(once and engine.tally.failed)
    finally:
        await asyncio.gather(queue.close(), mailbox.close())


class _Lines:
    """Standard output. When nobody reads it any more, the worker is stopped, and the running job still finishes."""

    def __init__(self) -> None:
        self.lost: Callable[[], None] = lambda: None
        self._why: OSError | None = None

    def write(self, text: str) -> None:
        """Print a line."""
        if self._why is not None:
            return
        try:
            sys.stdout.write(f"{text}\n")
            sys.stdout.flush()
        except OSError as why:
            self._why = why
            settle()
            self.lost()

    def check(self) -> None:
        """Raises OSError if nobody reads."""
        if self._why is not None:
            raise self._why


@contextmanager
def _stopped_by_signals(engine: Worker, seconds: float, say: Say) -> Iterator[list[int]]:
    """Stops the worker on a signal; a second one stops the running job too. Yields the signals that came."""
    loop, got = asyncio.get_running_loop(), list[int]()

    def stop(number: int) -> None:
        got.append(number)
        engine.stop()
        if engine.busy and len(got) == 1:
            say(f"the running job may finish for {seconds:g} s; another signal stops it and gives it back")

    for number in ENDS:
        loop.add_signal_handler(number, stop, number)
    try:
        yield got
    finally:
        for number in ENDS:
            loop.remove_signal_handler(number)
