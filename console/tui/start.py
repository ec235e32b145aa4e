"""Opens the console: the server is asked for the first rows before, and while, the terminal interface is loaded."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import Callable, Coroutine
from typing import Any

from console.model import Trouble
from console.panes import pane as pane_called
from console.panes.overview import OVERVIEW
from console.reading.arrange import arrange
from console.reading.reader import Readers
from console.reading.thresholds import configured
from console.settings.config import Settings, Wanted
from console.tui.deadline import within_deadline
from console.tui.first_screen import FirstScreen, ReadSoFar, terminal
from console.workspace import Workspace

# Both take the processor, and Python runs one thread at a time: the rows go first, unless the server lets them wait.
HEAD_START = 0.12  # seconds that the first rows have before the interface is loaded
SWITCH_SECONDS = 0.0005  # for which a thread that computes keeps a key waiting; Python's own are ten times as long

RunApp = Callable[[Workspace, Readers, FirstScreen], Coroutine[Any, Any, int]]


def run_console(settings: Settings, wanted: Wanted) -> int:
    """Open the console on a terminal and return the exit code. Raises Trouble(USAGE) for a wrong keymap or URI."""
    sys.setswitchinterval(SWITCH_SECONDS)
    with within_deadline():
        return asyncio.run(_run(Workspace(settings, wanted, spreads=True)))


async def _run(workspace: Workspace) -> int:
    readers = Readers(workspace.sources.named)
    screen = FirstScreen(terminal(), theme=workspace.settings.theme)
    with screen.shown():
        connecting = asyncio.ensure_future(_connect(workspace))
        rows = asyncio.ensure_future(read_ahead(connecting, workspace, readers, screen))
        try:
            await asyncio.wait({rows}, timeout=HEAD_START)
            run_app = await asyncio.to_thread(_loaded)
            rows.cancel()  # what is still being read is read again by the pane, which shows how that goes
            return await run_app(workspace, readers, screen)
        finally:
            connecting.cancel()
            await asyncio.gather(connecting, rows, return_exceptions=True)
            await workspace.close()


async def _connect(workspace: Workspace) -> None:
    with contextlib.suppress(Trouble):  # the first read meets the same trouble, and the screen shows it
        await workspace.sources.postgres.learn()


async def read_ahead(
    connecting: asyncio.Future[None], workspace: Workspace, readers: Readers, screen: FirstScreen
) -> None:
    """Read the rows that will be on the screen first, and paint them until the interface is there."""
    pane = configured(pane_called(workspace.wanted.pane or OVERVIEW.name), workspace.settings.thresholds)
    view, postgres = pane.views[0], workspace.sources.postgres
    screen.paint(ReadSoFar(postgres.label, pane, view))
    await asyncio.shield(connecting)
    screen.paint(ReadSoFar(postgres.label, pane, view, postgres.known))
    with contextlib.suppress(Trouble):
        taken = await readers.of(pane.source_of(view), view).read(workspace.sources.of(pane, view))
        screen.paint(ReadSoFar(postgres.label, pane, view, postgres.known, arrange(taken, view, view.sort)))


def _loaded() -> RunApp:
    from console.tui.app import run_app  # noqa: PLC0415  Textual takes longer to load than a server to answer

    return run_app
