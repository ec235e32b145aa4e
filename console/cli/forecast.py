"""`forecast`: which locks a statement would take, and who would wait, as text or JSON."""

from __future__ import annotations

import shutil
import sys
from argparse import Namespace
from collections.abc import Callable

from console.cli.interrupting import run_interruptible
from console.forecast.durations import seconds_of
from console.forecast.forecasting import AskedForecast
from console.forecast.lines import document, lines
from console.format import to_json
from console.model import Kind, Trouble
from console.settings.config import Settings, Wanted
from console.workspace import Workspace

FREE, FAILED, UNKNOWN, WAITS = 0, 1, 3, 4
CODES = {Kind.UNSUPPORTED: UNKNOWN}

Say = Callable[[str], None]


def forecast(options: Namespace, settings: Settings, wanted: Wanted, say: Say) -> int:
    """Print what `options` ask for; the exit code. Raises Trouble."""
    return run_interruptible(_forecast(_asked(options), options.format, Workspace(settings, wanted), say))


def _asked(options: Namespace) -> AskedForecast:
    text = sys.stdin.read() if options.statement == "-" else options.statement
    timeout = seconds_of(options.lock_timeout) if options.lock_timeout else None
    return AskedForecast(text, timeout, options.search_path, options.sample)


async def _forecast(asked: AskedForecast, form: str, workspace: Workspace, say: Say) -> int:
    async with workspace:
        try:
            made = await workspace.forecast(asked)
        except Trouble as why:
            if why.kind not in CODES:
                raise
            say(str(why))
            return CODES[why.kind]
    if form == "json":
        sys.stdout.write(to_json(document(made)) + "\n")
    else:
        width = shutil.get_terminal_size((132, 24)).columns
        sys.stdout.write("".join(f"{line}\n" for line in lines(made, width)))
    return WAITS if made.held else FREE
