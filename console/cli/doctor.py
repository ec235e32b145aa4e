"""`doctor`: what can and cannot be shown and done here, or a script that makes a role for the console."""

from __future__ import annotations

import os
import shutil
import sys
from argparse import Namespace

from console.cli.interrupting import run_interruptible
from console.doctor import document, examine, role_script, text
from console.format import to_json
from console.settings.config import Settings, Wanted
from console.workspace import Workspace

UNREACHED = 1


def doctor(options: Namespace, settings: Settings, wanted: Wanted) -> int:
    """Print what `options` ask for; 0, or 1 when the server was not reached. Raises Trouble."""
    return run_interruptible(_doctor(options, settings, wanted))


async def _doctor(options: Namespace, settings: Settings, wanted: Wanted) -> int:
    async with Workspace(settings, wanted) as workspace:
        if options.role_script is not None:
            sys.stdout.write(await role_script(workspace.sources.postgres, options.role_script))
            return 0
        report = await examine(workspace.sources, wanted, settings)
    if options.format == "json":
        sys.stdout.write(to_json(document(report)) + "\n")
    else:
        terminal = sys.stdout.isatty()
        width = shutil.get_terminal_size().columns if terminal else 80
        colour = terminal and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
        sys.stdout.write(text(report, max(40, width), options.all, colour))
    return 0 if report.server else UNREACHED
