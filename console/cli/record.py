"""`record`: reads every pane for some seconds and writes an incident file, with what consoles read before.

A signal ends the reading before its time, and what was read until then is written; another one ends it without a file.
"""

from __future__ import annotations

import asyncio
import sys
import time
from argparse import Namespace
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from console.cli.interrupting import AGAIN_SECONDS, ENDS, run_interruptible
from console.cli.printing import Ended
from console.files import private
from console.format import safe
from console.model import Kind, Pane, Trouble, View
from console.panes import PANES
from console.reading.reader import Readers, keys
from console.reading.thresholds import configured
from console.settings.config import Settings, Wanted
from console.workspace import Workspace

FASTEST = 2.0  # seconds between two reads of a pane
LOOKED_UP = 50  # rows of a pane for which what it looks up is read
ROUNDS = 20  # of look-ups of one read

Say = Callable[[str], None]


def record(options: Namespace, settings: Settings, wanted: Wanted, say: Say) -> int:
    """Write the file; returns 0. Raises Trouble."""
    path = Path(options.file)
    if path.exists():
        raise Trouble(Kind.USAGE, f"{safe(path)} exists already.", "Choose another name.")
    with private.troubles(path):
        private.try_out(path)  # else that would be known only once everything has been read
    workspace = Workspace(settings, replace(wanted, read_only=True))
    return run_interruptible(_record(workspace, path, options.seconds, options.plain, say))


async def _record(workspace: Workspace, path: Path, seconds: float, plain: bool, say: Say) -> int:
    async with workspace:
        keeping = asyncio.create_task(workspace.keep_readings())
        try:
            await workspace.sources.postgres.connect()
            say(f"reading every pane for {seconds:g} s")
            read: list[str] = []
            began = time.time()
            if number := await _until_a_signal(_read_all(workspace, time.monotonic() + seconds, read)):
                if not read:
                    raise Ended(number)
                say("stopped before its time: the file holds what was read until now")
            written = await workspace.write_incident(path, plain=plain, began=began)
        finally:
            keeping.cancel()
            await asyncio.gather(keeping, return_exceptions=True)
    sys.stdout.write(f"{written}\n")
    return 0


async def _until_a_signal(reading: Coroutine[Any, Any, None]) -> int:
    """Read until all is read, or a signal comes, of which the next one ends the command; its number, or 0."""
    loop, task = asyncio.get_running_loop(), asyncio.ensure_future(reading)
    got: list[int] = []

    def end(number: int) -> None:
        if not task.done():
            got.append(number)
            task.cancel()
            loop.call_later(AGAIN_SECONDS, end, number)  # the first asks a server to cancel that may not answer

    for number in ENDS:
        loop.add_signal_handler(number, end, number)
    try:
        await asyncio.wait({task})
    finally:
        for number in ENDS:
            loop.remove_signal_handler(number)
        task.cancel()
    if not task.cancelled():
        task.result()
    return got[0] if got else 0


async def _read_all(workspace: Workspace, until: float, read: list[str]) -> None:
    """Read every view as often as its pane refreshes, at least twice; `read` gets the name of each that was."""
    readers = Readers(workspace.sources.named)
    panes = [configured(pane, workspace.settings.thresholds) for pane in PANES]
    due: dict[str, float] = {}
    rounds = 0
    while rounds < 2 or time.monotonic() < until:
        began = time.monotonic()
        for pane in panes:
            if rounds < 2 or began >= due.get(pane.name, began):
                due[pane.name] = began + max(FASTEST, pane.refresh)
                for view in pane.views:
                    await _read(workspace, readers, pane, view)
                    read.append(view.name)
        rounds += 1
        await asyncio.sleep(max(0.0, min(FASTEST, until - time.monotonic()) - (time.monotonic() - began)))


async def _read(workspace: Workspace, readers: Readers, pane: Pane, view: View) -> None:
    """Read one view, and look up what its first rows lack. A failure is recorded too."""
    with suppress(Trouble):
        source = workspace.sources.of(pane, view)
        reader = readers.of(pane.source_of(view), view)
        shown = await reader.read(source)
        present = [name for name in view.key if name in shown.columns]
        for _ in range(ROUNDS):
            if await reader.fill(source, keys(shown, present)[:LOOKED_UP]) is None:
                break
