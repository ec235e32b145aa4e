"""`watch`: evaluates the rules until it is stopped, prints each event as a line and delivers it."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
from argparse import Namespace
from collections.abc import Callable, Mapping, Sequence

from console.cli.watch_text import line
from console.format import to_json
from console.model import Kind, Trouble
from console.settings.config import Settings, Wanted
from console.watching.delivery import Mailbox, Receiver, receivers
from console.watching.store import NAME, Store
from console.watching.watcher import Watcher
from console.workspace import Workspace

ENDS: Mapping[int, int] = {signal.SIGTERM: 0, signal.SIGHUP: 0, signal.SIGINT: 130}  # signal → exit code
LATEST = 1.5  # seconds after which it ends, whatever still hangs: a server that does not answer, a webhook

Say = Callable[[str], None]
Document = dict[str, object]


def watch(options: Namespace, settings: Settings, targets: Sequence[Wanted], say: Say) -> int:
    """Watch `targets` until a signal; the exit code. Raises Trouble(USAGE) if it cannot begin."""
    if not targets:
        raise Trouble(Kind.USAGE, "The configuration names no targets.", "Name one: watch TARGET.")
    to = receivers(settings.deliveries)
    return asyncio.run(_until_a_signal(options.format, settings, targets, to, say))


async def _until_a_signal(
    form: str, settings: Settings, targets: Sequence[Wanted], to: Sequence[Receiver], say: Say
) -> int:
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None  # noqa: S101  a coroutine always runs in a task
    code: list[int] = []

    def end(number: int) -> None:
        if not code:
            code.append(ENDS[number])
            deadline = threading.Timer(LATEST, os._exit, code)
            deadline.daemon = True
            deadline.start()
            task.cancel()

    for number in ENDS:
        loop.add_signal_handler(number, end, number)
    try:
        await _watch(form, settings, targets, to, say)
    except asyncio.CancelledError:
        if not code:
            raise
    return code[0]


async def _watch(form: str, settings: Settings, targets: Sequence[Wanted], to: Sequence[Receiver], say: Say) -> None:
    def show(document: Document) -> None:
        sys.stdout.write((to_json(document, indent=None) if form == "json" else line(document)) + "\n")
        sys.stdout.flush()

    mailbox = Mailbox(to, say)
    named = ", ".join(each.name for each in to) or "no receiver"
    say(f"watching {_counted(len(targets), 'target')}, delivering to {named}")
    tasks = [asyncio.create_task(_watch_target(settings, wanted, mailbox, show, say)) for wanted in targets]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, mailbox.close(), return_exceptions=True)


async def _watch_target(
    settings: Settings, wanted: Wanted, mailbox: Mailbox, show: Callable[[Document], None], say: Say
) -> None:
    async with Workspace(settings, wanted) as workspace:
        store = Store(workspace.trail.path.with_name(NAME))
        watcher = Watcher(workspace.sources, workspace.observer, store, show, mailbox.send, say)
        background = (workspace.baselines.follow(), workspace.keep_samples(), workspace.keep_readings())
        keeping = [asyncio.create_task(each) for each in background]
        try:
            await watcher.run()
        finally:
            for task in keeping:
                task.cancel()
            await asyncio.gather(*keeping, return_exceptions=True)


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
