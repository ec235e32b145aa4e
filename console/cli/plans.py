"""`explain`: the plan of a statement as text or JSON."""

from __future__ import annotations

import shutil
import sys
from argparse import Namespace

from console.cli.interrupting import run_interruptible
from console.explaining.explain import Asked
from console.explaining.lines import document, lines
from console.explaining.subject import Subject
from console.format import to_json
from console.model import Kind, Trouble
from console.settings.config import Settings, Wanted
from console.workspace import Workspace

NULL = r"\N"


def plans(options: Namespace, settings: Settings, wanted: Wanted) -> int:
    """Print the plan that `options` ask for; returns 0. Raises Trouble."""
    return run_interruptible(_explain(asked_for(options), options.format, Workspace(settings, wanted)))


def asked_for(options: Namespace) -> Asked:
    """What is to be explained. Raises Trouble(USAGE) unless it is one statement."""
    given = [options.statement, options.query_id is not None, options.pid is not None]
    if sum(map(bool, given)) != 1:
        raise Trouble(Kind.USAGE, "Give one statement: as SQL, with --query-id, or with --pid.")
    text = sys.stdin.read() if options.statement == "-" else options.statement
    values = tuple(None if value == NULL else value for value in options.value) or None
    return Asked(
        Subject(text, options.query_id, pid=options.pid), values, options.role, options.search_path, options.analyze
    )


async def _explain(asked: Asked, form: str, workspace: Workspace) -> int:
    async with workspace:
        explained = await workspace.explain(asked)
    if form == "json":
        sys.stdout.write(to_json(document(explained)) + "\n")
    else:
        width = shutil.get_terminal_size((132, 24)).columns
        sys.stdout.write("".join(f"{line.text}\n" for line in lines(explained, width)))
    return 0
