"""Opens every view of every pane, `check` and `doctor` on a server with 1,000 sessions and more than 50,000 relations.

    python -m scripts.benchmarks everything [--major 18] [--tables 14000] [--sessions 1000] [--output FILE]

A server of its own is started for it, with a PgBouncer if there is one; each table has three indexes and a TOAST table
besides. Each view is a process of its own, start included. Fails where one does not end within its deadline, or fails
for another reason than that something is missing here.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from console.panes import PANES
from scripts.benchmarks.fixture import CONSOLE, Site, Size, site

DEADLINE = 60.0  # seconds for a view
WIDTH = 118  # characters of a line of the page
OF_DOCTOR = 30.0  # seconds: its own deadline, the poolers, and its start
FINE = {"show": {0, 1}, "check": {0, 1, 2}, "doctor": {0}}  # 1 of show: it is missing on this server, and says so
SETTING = (
    "PostgreSQL {version}: {relations:,} relations, {sessions:,} sessions, {statements:,} statements in "
    "pg_stat_statements{pooler}. Each command is a process of its own, so its seconds include the start, the "
    "connection and the first read of all that the view needs. Machine: {cores} cores, load average {load:.1f} at the "
    "end, with the load of that server and other work."
)
HEAD = """\
# Every view on a large server

Written by `python -m scripts.benchmarks everything --major {major} --output docs/benchmarks-everything.md`.

{setting}

{verdict}

| command | seconds | what is missing here |
|---|--:|---|
"""


@dataclass(frozen=True, slots=True)
class Opened:
    """What came of one command."""

    command: tuple[str, ...]
    seconds: float
    code: int | None  # None: it did not end within its deadline
    said: str = ""  # on standard error

    @property
    def fine(self) -> bool:
        """Whether it ended in time, with an answer."""
        return self.code in FINE[self.command[0]]


def main(argv: Sequence[str]) -> int:
    """Open everything, write the page; 1 when something did not answer."""
    options = _options(argv)
    size = Size("heavy", options.tables, options.sessions, 20, 2_000, 100, 5_000, 2_000, 100, 300)
    with tempfile.TemporaryDirectory(prefix="pipeline-bench-") as home, site(size, options.major) as place:
        relations = _relations(place)
        print(f"{relations:,} relations, {size.sessions:,} sessions", flush=True)
        opened = []
        for command, deadline in _commands():
            opened.append(_open(place, home, command, deadline))
            print(line(opened[-1]), flush=True)
        if options.output:
            Path(options.output).write_text(page(place, relations, opened), encoding="utf-8")
    return 0 if all(each.fine for each in opened) else 1


def _options(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser("benchmarks everything", description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--major", type=int, help="major version of PostgreSQL (15 where it is, else the newest)")
    parser.add_argument("--tables", type=int, default=14_000, help="besides 2,300 partitions (14000)")
    parser.add_argument("--sessions", type=int, default=1_000, help="that are connected (1000)")
    parser.add_argument("--output", help="a file for the page, as Markdown")
    return parser.parse_args(argv)


def _relations(place: Site) -> int:
    with place.connect() as server:
        ((relations,),) = server.execute("SELECT count(*) FROM pg_class").fetchall()
    return int(relations)


def _commands() -> Iterator[tuple[tuple[str, ...], float]]:
    for pane in PANES:
        for view in pane.views:
            yield ("show", pane.name, "--view", view.name, "--limit", "20"), DEADLINE
    yield ("check",), DEADLINE
    yield ("doctor",), OF_DOCTOR


def _open(place: Site, home: str, command: tuple[str, ...], deadline: float) -> Opened:
    """Run a command to its end, or to its deadline."""
    pooled = ("--pooler", place.admin_uri) if place.pooler_pid else ()
    argv = (sys.executable, "-m", "console.cli", *command, "--target", place.uri(CONSOLE), *pooled)
    began = time.monotonic()
    try:
        done = subprocess.run(
            argv,
            env={**os.environ, "XDG_STATE_HOME": home},
            capture_output=True,
            text=True,
            timeout=deadline,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return Opened(command, deadline, None)
    return Opened(command, time.monotonic() - began, done.returncode, done.stderr.strip())


def line(opened: Opened) -> str:
    """How long one command took and what it said, in a line."""
    if opened.code is None:
        return f"  does not end within {opened.seconds:.0f} s: {' '.join(opened.command)}"
    why = "" if opened.fine and opened.code == 0 else f"exit {opened.code}: {opened.said[:120]}"
    return f"{opened.seconds:6.1f} s  {' '.join(opened.command)}  {why}"


def page(place: Site, relations: int, opened: Sequence[Opened]) -> str:
    """The page of figures, slowest first."""
    with place.connect() as server:
        version = (server.info.parameter_status("server_version") or "").split()[0]
    setting = SETTING.format(
        version=version,
        relations=relations,
        sessions=place.size.sessions,
        statements=place.size.statements,
        pooler=f", PgBouncer with {place.size.pools} pools" if place.pooler_pid else "",
        cores=os.cpu_count(),
        load=os.getloadavg()[0],
    )
    text = HEAD.format(major=version.split(".")[0], setting=textwrap.fill(setting, WIDTH), verdict=verdict(opened))
    return text + "".join(_row(each) for each in sorted(opened, key=lambda each: -each.seconds))


def verdict(opened: Sequence[Opened]) -> str:
    """Whether everything answered, and how fast most of it."""
    late = [" ".join(each.command) for each in opened if not each.fine]
    seconds = sorted(each.seconds for each in opened)
    spread = f"Half of them took at most {seconds[len(seconds) // 2]:.1f} s, the slowest {seconds[-1]:.1f} s."
    if late:
        return f"**Without an answer:** {', '.join(late)}. {spread}"
    deadlines = f"{DEADLINE:.0f} s, doctor {OF_DOCTOR:.0f} s"
    return f"All {len(opened)} commands answered within their deadlines ({deadlines}). {spread}"


def _row(opened: Opened) -> str:
    command = [part for part in opened.command if part not in {"--view", "--limit", "20"}]
    why = opened.said.removeprefix("pipeline-console: ").split("\n", 1)[0] if opened.code else ""
    if opened.code is None:
        why = "**no end within the deadline**"
    return f"| `{' '.join(command)}` | {opened.seconds:.1f} | {why.replace('|', ' ')} |\n"
