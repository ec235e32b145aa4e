"""The programs that are compared: how each is started, what its screens look like, where its cost is found."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from console.model import Column, Pane, View
from console.panes import PANES
from scripts.benchmarks.fixture import CONSOLE, Site
from scripts.benchmarks.probes import Bill, Spent
from scripts.benchmarks.terminal import COLUMNS, LINES, Terminal

ROOT = Path(__file__).parent.parent.parent
HEADER = "vitals"  # the query behind the console's header, asked whatever the pane
# Other statements that read a query, too: both at once where both are due, and fewer rows of all where these are known.
BOTH = ("connections_vitals", "connections_recent", "connections_steady")
ALSO = {"connections": BOTH, HEADER: BOTH, "statements": ("statements_from",), "locks": ("locks_steady",)}
# What costs a server more than a moment is read seldom; here it is read often, to see the cost of one more read.
SLOW_PANES = ("bloat", "indexes", "partitions", "views")
SLOW_PERIOD = 2.0  # seconds


@dataclass(frozen=True, slots=True)
class Tool:
    """A program under test."""

    name: str
    role: str  # it logs in with, and its statements are counted by
    argv: tuple[str, ...]  # {uri} and the like stand for the server
    live: re.Pattern[str]  # what the first real rows look like
    panes: Mapping[str, re.Pattern[str]] = field(default_factory=dict)  # keys → what the pane looks like with its rows
    faster: str = ""  # keys that shorten the usual period to the shortest
    cursor: str = ""  # keys that move a cursor down and up; empty: there is none

    def open(self, site: Site, home: Path, *extra: str) -> Terminal:
        """Start it on the site's database in a terminal of its own."""
        argv = [part.format_map(self._places(site)) for part in self.argv]
        variables = environment(home)
        if self.name != "console":  # which reads the password file that its URI names
            variables["PGPASSWORD"] = site.password(self.role)
        return Terminal([*argv, *extra], variables, ROOT)

    def _places(self, site: Site) -> dict[str, str]:
        host, port, database = site.address
        plain = f"postgresql://{self.role}@{host}:{port}/{database}"
        return {
            "uri": site.uri(self.role),
            "plain": plain,
            "host": host,
            "port": str(port),
            "user": self.role,
            "database": database,
        }

    @property
    def slower(self) -> str:
        """Keys that undo `faster`."""
        return self.faster.translate({ord("+"): "-", ord("-"): "+"})

    def refreshes(self, spent: Bill, query: str = "") -> int:
        """How often the tool has read: the calls of its main statement."""
        if query:
            return sum(spent.get(name, Spent()).calls for name in (query, *ALSO.get(query, ())))
        return max((statement.calls for statement in spent.values()), default=0)


def console(pane: str = "connections", config: Path | None = None) -> Tool:
    """The console with one pane first; empty: as it opens by itself."""
    argv = [sys.executable, "-m", "console.cli", "open", "{uri}"]
    argv += ["--pane", pane] if pane else []
    argv += ["--config", str(config)] if config else []
    first = next(each for each in PANES if each.name == (pane or PANES[0].name))
    panes = {each.key: painted(each) for each in PANES}
    return Tool("console", CONSOLE, tuple(argv), painted(first), panes, "++", "jk")


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
