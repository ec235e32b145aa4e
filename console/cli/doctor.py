"""`doctor`: what can and cannot be shown and done here, or a script that makes a role for the console."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
import time
from argparse import Namespace
from typing import Self, TextIO

from console.cli.interrupting import run_interruptible
from console.doctor import document, examine, role_script, text
from console.format import to_json
from console.glyphs import write_exactly
from console.settings.config import Settings, Wanted
from console.workspace import Workspace

UNREACHED = 1
WORD_SECONDS = 2.0


class Word:
    """Says every two seconds what is being checked, so that a slow server is no silence."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._what = ""
        self._began = time.monotonic()
        self._next: asyncio.TimerHandle | None = None

    def __call__(self, what: str) -> None:
        """Note what is checked from now on."""
        self._what = what

    def __enter__(self) -> Self:
        self._wait()
        return self

    def __exit__(self, *_: object) -> None:
        if self._next is not None:
            self._next.cancel()

    def _wait(self) -> None:
        self._next = asyncio.get_running_loop().call_later(WORD_SECONDS, self._say)

    def _say(self) -> None:
        self._out.write(f"pipeline-console: checking {self._what} ({time.monotonic() - self._began:.0f} s) …\n")
        self._out.flush()
        self._wait()


def doctor(options: Namespace, settings: Settings, wanted: Wanted) -> int:
    """Print what `options` ask for; 0, or 1 when the server was not reached. Raises Trouble."""
    return run_interruptible(_doctor(options, settings, wanted))


async def _doctor(options: Namespace, settings: Settings, wanted: Wanted) -> int:
    async with Workspace(settings, wanted) as workspace:
        if options.role_script is not None:
            if not sys.stdout.isatty():
                write_exactly(sys.stdout)
            sys.stdout.write(await role_script(workspace.sources.postgres, options.role_script))
            return 0
        with Word(sys.stderr) as word:
            report = await examine(workspace.sources, wanted, settings, watch=word, seconds=options.seconds)
    if options.format == "json":
        sys.stdout.write(to_json(document(report)) + "\n")
    else:
        terminal = sys.stdout.isatty()
        width = shutil.get_terminal_size().columns if terminal else 80
        colour = terminal and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
        sys.stdout.write(text(report, max(40, width), options.all, colour))
    return 0 if report.server else UNREACHED
