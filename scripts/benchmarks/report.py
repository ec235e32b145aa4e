"""The table of figures and goals, as Markdown."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from scripts.benchmarks.measure import Book, Effort

QUICKLY = (
    'Written by `make bench ARGS="--quick --output docs/benchmarks.md"`: one short series, not the three of a full '
    "run. Read the ratios rather than the figures."
)
DISTRIBUTIONS = ("textual", "rich", "psycopg")


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table: a metric, the unit of its figures and what is to be reached."""

    metric: str
    title: str
    unit: str
    goal: float | None = None  # at most
    of_peer: bool = False  # the goal is a multiple of the peer's figure


ROWS = (
    Row("start", "exec to first live rows, connections", "ms", 1.0, of_peer=True),
    Row("start.overview", "exec to first live rows, overview", "ms"),
    Row("sessions.cpu", "client CPU a refresh, connections", "ms", 6),
    Row("slow.cpu", "client CPU a refresh, slow queries", "ms", 3.5),
    Row("overview.cpu", "client CPU a refresh, overview", "ms"),
    Row("sessions.minute", "server exec + plan, connections at 2 s", "ms/min", 32),
    Row("overview.minute", "server exec + plan, overview at 2 s", "ms/min"),
    Row("slow.server", "server a refresh, slow queries", "ms", 5.5),
    Row("slow.texts", "reads of statement texts once all on the screen are known", "", 0),
    Row("sessions.bytes", "bytes a refresh, connections", "B", 4000),
    Row("slow.bytes", "bytes a refresh, slow queries", "B", 700),
    Row("overview.bytes", "bytes a refresh, overview", "B"),
    Row("light.bytes", "bytes a refresh, connections, light", "B", 1000),
    Row("light.cpu", "client CPU a refresh, connections, light", "ms"),
    Row("light.minute", "server exec + plan, connections at 2 s, light", "ms/min"),
    Row("key", "cursor key to redraw, median", "ms", 3.5),
    Row("key.p95", "cursor key to redraw, p95", "ms", 7),
    Row("key.busy", "the same at a refresh every 0.5 s, median", "ms", 3.5),
    Row("key.busy.p95", "the same at a refresh every 0.5 s, p95", "ms", 7),
    Row("pane", "pane change to its rows, median", "ms", 8),
    Row("pane.p95", "pane change to its rows, p95", "ms", 20),
    Row("memory", "resident memory after every pane was visited", "MB", 60),
    Row("cost.connections.first", "server, connections, first read", "ms"),
    Row("cost.connections.later", "server, connections, one more", "ms"),
    Row("cost.locks.first", "server, locks, first read", "ms"),
    Row("cost.locks.later", "server, locks, one more", "ms"),
    Row("cost.slow-queries.first", "server, slow queries, first read with texts", "ms"),
    Row("cost.slow-queries.later", "server, slow queries, one more", "ms", 5.5),
    Row("cost.bloat.first", "server, bloat, first read", "ms", 15),
    Row("cost.bloat.later", "server, bloat, one more", "ms", 4),
    Row("cost.indexes.first", "server, indexes, first read", "ms", 11),
    Row("cost.indexes.later", "server, indexes, one more", "ms", 4),
    Row("cost.partitions.first", "server, partitions (2,000 of one parent), first read", "ms", 10),
    Row("cost.partitions.later", "server, partitions, one more", "ms", 4),
    Row("cost.views.first", "server, views, first read", "ms"),
    Row("cost.views.later", "server, views, one more", "ms"),
    Row("pooler.server", "PgBouncer CPU a refresh, pooler (200 pools, 300 clients)", "ms", 0.7),
    Row("pooler.client", "client CPU a refresh, pooler", "ms", 6),
)

HOW = """\
## How it was measured

- *Heavy*: 5,000 tables, of which 2,120 are partitions (one parent has 2,000), 15,000 indexes, pg_stat_statements with
  more than 5,000 entries and 10 MB of text, 320 sessions: 20 active, three of them in a chain of locks, 12 that run
  something every few seconds, the others idle. PgBouncer with 200 pools, 300 clients. *Light*: 20 tables, 5 sessions.
- Both tools run in a pseudo-terminal of 200 × 50 cells with their own defaults, a refresh every 2 s, each with a login
  role of its own in pg_monitor and pg_read_all_data, in turn: one run of one, one run of the other.
- A figure is the median over the runs. Ratio: console / pg_activity of the same series.
- First live rows: from just before exec until the screen, as a terminal emulator makes it of the bytes, holds rows of
  the server. Byte code is cached; the first start is not counted.
- CPU: the scheduler's run time of all threads of the process, by the refreshes, which are counted on the server.
- Server: execution and planning time in pg_stat_statements (track_planning) of all statements of the tool's role; the
  console's header is part of the figures a minute and left out of those a refresh. pg_activity is first refreshed
  often, until its prepared statements have the plans they keep.
- Keys: `j` and `k` at random moments; from the key to the first bytes that come back. Pane changes: between panes
  visited before, from the key until the titles and rows of the other pane are on the screen.
- First read of a pane: everything it asks on a new connection in its first second, look-ups included; one more: the
  mean of later ones, when everything on the screen has been looked up.
- PgBouncer: its run time less that of the same time without the console.
"""


def report(book: Book, effort: Effort, versions: Mapping[str, str]) -> str:
    """The whole document."""
    written = "Written by `make bench`." if effort.runs >= 3 else QUICKLY
    lines = ["# Benchmarks", "", written, ""]
    lines += [f"- {name}: {text}" for name, text in versions.items()]
    lines += [
        f"- Runs: {effort.runs} (start-up {effort.starts}), {effort.refreshes} refreshes each, {effort.keys} keys",
        "",
    ]
    lines += ["| metric | console | pg_activity | ratio | goal | reached |", "|---|--:|--:|--:|--:|---|"]
    lines += [line(row, book) for row in ROWS if book.value(row.metric, "console") is not None]
    lines += ["", *(f"Not measured: {reason}." for reason in dict.fromkeys(book.skipped))]
    return "\n".join(lines).rstrip() + "\n\n" + HOW


def line(row: Row, book: Book) -> str:
    """One line of the table."""
    mine, other = book.value(row.metric, "console"), book.value(row.metric, "pg_activity")
    assert mine is not None
    ratio = mine / other if other else None
    goal, reached = "", ""
    if row.goal is not None:
        measured = ratio if row.of_peer else mine
        goal = f"≤ {row.goal:g} × pg_activity" if row.of_peer else f"≤ {row.goal:,g} {row.unit}".strip()
        reached = "" if measured is None else "yes" if measured <= row.goal else "**no**"
    peer = "–" if other is None or row.metric == "slow.texts" else figure(other, row.unit)
    shown = "–" if ratio is None else f"{ratio:.2f}"
    return f"| {row.title} | {figure(mine, row.unit)} | {peer} | {shown} | {goal or '–'} | {reached or '–'} |"


def figure(value: float, unit: str) -> str:
    """A number with three significant digits and its unit."""
    text = f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
    return f"{text} {unit}".strip()


def versions(postgres: str, pgbouncer: str, peer: str) -> dict[str, str]:
    """What it ran on: cores, memory, versions."""
    memory = int(re.findall(r"MemTotal:\s+(\d+)", Path("/proc/meminfo").read_text())[0]) / (1 << 20)
    packages = ", ".join(f"{name} {metadata.version(name)}" for name in DISTRIBUTIONS)
    return {
        "Machine": f"{os.cpu_count()} cores ({platform.machine()}), {memory:.0f} GB of memory",
        "Servers": f"PostgreSQL {postgres}, PgBouncer {pgbouncer or 'none'}",
        "Console": f"Python {platform.python_version()}, {packages}",
        "Peer": f"pg_activity {peer or 'not measured'}",
    }
