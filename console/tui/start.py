"""Opens the console: the server is asked while the terminal interface is still being loaded."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from typing import Any

from console.model import Trouble
from console.settings.config import Settings, Wanted
from console.workspace import Workspace


def run_console(settings: Settings, wanted: Wanted) -> int:
    """Open the console on a terminal and return the exit code. Raises Trouble(USAGE) for a wrong keymap or URI."""
    return asyncio.run(_run(Workspace(settings, wanted)))


async def _run(workspace: Workspace) -> int:
    connecting = asyncio.ensure_future(_connect(workspace))
    try:
        run_app = await asyncio.to_thread(_loaded)
        return await run_app(workspace)
    finally:
        connecting.cancel()
        await workspace.close()


async def _connect(workspace: Workspace) -> None:
    with contextlib.suppress(Trouble):  # the first read meets the same trouble, and the screen shows it
        await workspace.sources.postgres.learn()


def _loaded() -> Callable[[Workspace], Coroutine[Any, Any, int]]:
    from console.tui.app import run_app  # noqa: PLC0415  Textual takes longer to load than a server to answer

    return run_app
