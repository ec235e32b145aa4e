"""The systemd unit of a worker, for one server."""

from __future__ import annotations

import sys
from pathlib import Path

from console.format import one_line
from console.model import Facts
from console.sources.postgres import lasting_target
from console.sql import content

FILE = "pipeline-console-worker.service"
_TARGET = "PIPELINE_CONSOLE_TARGET="
_PROGRAM = "/usr/local/bin/pipeline-console"  # in the shipped unit


def worker_unit(facts: Facts, owner: str) -> tuple[str, ...]:
    """The lines of the unit in config/systemd, with the server of `facts` and the role `owner`; without a password."""
    text = (content() / "config" / "systemd" / FILE).read_text(encoding="utf-8")
    named = f'Environment="{_TARGET}{worker_target(facts, owner)}"'.replace("%", "%%")
    lines = text.replace(_PROGRAM, _program(sys.argv[0]).replace("%", "%%")).splitlines()
    return tuple(named if _TARGET in line else line for line in lines if line)


def _program(started: str) -> str:
    """The path of the console that was `started`; that of the shipped unit where a service cannot run it.

    ProtectHome= hides /home, /root and /run/user from the service.
    """
    path = Path(started).absolute()
    hidden = path.parts[1:2] in {("home",), ("root",)} or path.is_relative_to("/run/user")
    return str(path) if path.name == Path(_PROGRAM).name and not hidden else _PROGRAM


def worker_target(facts: Facts, owner: str) -> str:
    """The server of `facts` as the target of a worker, which connects as `owner`; without a password."""
    return one_line(lasting_target(facts.address, facts.tls, dbname=facts.database, user=owner))
