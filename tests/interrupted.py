"""A console in a process of its own whose interface runs a plan that the test has made."""

from __future__ import annotations

import pickle
import sys
from pathlib import Path

from console.model import Plan

PROGRAM = """
import asyncio, pathlib, pickle, sys
from console.cli import main
from console.tui import app as application

plan = pickle.loads(pathlib.Path(sys.argv.pop(1)).read_bytes())
until_closed = application.run_until_closed

async def shown(app):
    asyncio.get_running_loop().call_soon(lambda: app.workspace.start(plan, lambda _: None))
    return await until_closed(app)

application.run_until_closed = shown
sys.exit(main(sys.argv[1:]))
"""


def running(plan: Plan, folder: Path, *arguments: str) -> list[str]:
    """The command line of a console that runs `plan` as soon as its interface is there; `folder` keeps its files."""
    program, kept = folder / "running.py", folder / "plan"
    program.write_text(PROGRAM)
    kept.write_bytes(pickle.dumps(plan))
    return [sys.executable, str(program), str(kept), *arguments]
