"""The systemd unit of a worker, for one server."""

from __future__ import annotations

from console.format import one_line
from console.model import Facts
from console.sql import content

FILE = "pipeline-console-worker.service"
_TARGET = "PIPELINE_CONSOLE_TARGET="


def worker_unit(facts: Facts, owner: str) -> tuple[str, ...]:
    """The lines of the unit in config/systemd, with the server of `facts` and the role `owner`; without a password."""
    text = (content() / "config" / "systemd" / FILE).read_text(encoding="utf-8")
    named = f'Environment="{_TARGET}{worker_target(facts, owner)}"'.replace("%", "%%")
    return tuple(named if _TARGET in line else line for line in text.splitlines() if line)


def worker_target(facts: Facts, owner: str) -> str:
    """The server of `facts` as the target of a worker, which connects as `owner`; without a password."""
    return one_line(f"{facts.address or 'host=localhost'} dbname={facts.database} user={owner}")
