"""The two programs that are compared: how each is started, what its screens look like, where its cost is found."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import venv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from console.model import Column, Pane, View
from console.panes import PANES
from scripts.benchmarks.fixture import CONSOLE, PEER, Site
from scripts.benchmarks.probes import Bill, Spent
from scripts.benchmarks.terminal import COLUMNS, LINES, Terminal

ROOT = Path(__file__).parent.parent.parent
HEADER = "vitals"  # the query behind the console's header, asked whatever the pane
# What costs a server more than a moment is read seldom; here it is read often, to see the cost of one more read.
SLOW_PANES = ("bloat", "indexes", "partitions", "views")
SLOW_PERIOD = 2.0  # seconds


@dataclass(frozen=True, slots=True)
class Tool:
    """A program under test."""

    name: str
    role: str  # it logs in with, and its statements are counted by
    argv: tuple[str, ...]
    live: re.Pattern[str]  # what the first real rows look like
    panes: Mapping[str, re.Pattern[str]]  # key → what the pane looks like with its rows
    faster: str  # keys that shorten the usual period to the shortest

    def open(self, site: Site, home: Path, *extra: str) -> Terminal:
        """Start it on the heavy or light database in a terminal of its own."""
        argv = (
            (*self.argv, *extra, site.uri(self.role)) if self.name == "console" else (*self.argv, site.uri(self.role))
        )
        return Terminal(argv, environment(home), ROOT)

    def refreshes(self, spent: Bill, query: str = "") -> int:
        """How often the tool has read: the calls of its main statement."""
        if query:
            return spent.get(query, Spent()).calls
        return max((statement.calls for statement in spent.values()), default=0)


def console(pane: str = "connections", config: Path | None = None) -> Tool:
    """The console with one pane first; empty: as it opens by itself."""
    argv = [sys.executable, "-m", "console.cli", "open"]
    argv += ["--pane", pane] if pane else []
    argv += ["--config", str(config)] if config else []
    first = next(each for each in PANES if each.name == (pane or PANES[0].name))
    return Tool("console", CONSOLE, tuple(argv), painted(first), {each.key: painted(each) for each in PANES}, "++")


def peer(program: Path) -> Tool:
    """pg_activity with its own defaults."""
    modes = {"1": "RUNNING", "2": "WAITING", "3": "BLOCKING"}
    rows = re.compile(r"^\s*\d+ .*(?:pg_sleep|UPDATE|SELECT)", re.MULTILINE)
    panes = {key: re.compile(rf"{mode} QUERIES[^\n]*\n[^\n]*PID[^\n]*\n\s*\d+ ") for key, mode in modes.items()}
    return Tool("pg_activity", PEER, (str(program),), rows, panes, "--")


def painted(pane: Pane) -> re.Pattern[str]:
    """A pane with its titles and at least one row beneath them."""
    view = pane.views[0]
    if view.blocks:
        return re.compile(r"rules evaluated")
    titles = r"[↓↑]?\s+".join(re.escape(column.title) for column in _first(view))
    return re.compile(rf"{titles}[^\n]*\n[^\n]*[0-9A-Za-z]")


def _first(view: View) -> list[Column]:
    return [column for column in view.columns if not column.extra][:3]


def config_file(folder: Path) -> Path:
    """A configuration that reads the slow panes every few seconds."""
    known = {pane.name for pane in PANES}
    lines = [f"  {name}: {SLOW_PERIOD}" for name in SLOW_PANES if name in known]
    path = folder / "console.yml"
    path.write_text("refresh:\n" + "\n".join(lines) + "\n" if lines else "refresh: {}\n")
    return path


def environment(home: Path) -> dict[str, str]:
    """What a program sees: a common terminal, no settings of whoever runs the benchmark."""
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "TERM": "xterm-256color",
        "COLORTERM": "truecolor",
        "COLUMNS": str(COLUMNS),
        "LINES": str(LINES),
    }


def install_peer(folder: Path) -> Path:
    """Install pg_activity from PyPI into an environment of its own and return its program."""
    venv.create(folder, with_pip=True)
    pip = [
        str(folder / "bin" / "pip"),
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "pg_activity",
        "psycopg[binary]",
    ]
    subprocess.run(pip, check=True)
    return folder / "bin" / "pg_activity"


def peer_version(program: Path) -> str:
    """What it says of itself."""
    done = subprocess.run([program, "--version"], capture_output=True, text=True, check=True)
    return done.stdout.split()[-1]
