"""The page of figures and goals, as Markdown."""

from __future__ import annotations

import math
import os
import platform
import re
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib import metadata
from pathlib import Path

from scripts.benchmarks.figures import Book
from scripts.benchmarks.goals import COMMANDS, CONSOLE, SCREENS, Growth, Row, Verdict, growth, verdict, waiter_rows
from scripts.benchmarks.measure import Effort

BRIEFLY = "Written by `make bench ARGS=--brief`: three short runs."
QUICKLY = "Written from `make bench ARGS=--quick`: one short series. Read the ratios rather than the figures."
DISTRIBUTIONS = ("textual", "rich", "psycopg")
KINDS = {
    "cpu": "client CPU a refresh",
    "server": "server a refresh",
    "key": "cursor key",
    "key.p95": "cursor key, p95",
}
WIDTH = 120  # characters of a line of the page
GROWS_TOO_FAST = 1.25  # exponent: n log n from 1,000 to 10,000 is 1.12; the rest is what figures scatter

HOW = """\
## How it was measured

- *Heavy*: 5,000 tables, of which 2,120 are partitions (one parent has 2,000), 15,000 indexes, pg_stat_statements with
  more than 5,000 entries and 10 MB of text, 320 sessions: 20 active, three of them in a chain of locks, 12 that run
  something every few seconds, the others idle. PgBouncer with 200 pools, 300 clients. *Light*: 20 tables, 5 sessions.
- All tools run in a pseudo-terminal of 200 × 50 cells with their own defaults, a refresh every 2 s, with login roles in
  pg_monitor and pg_read_all_data, in turn: one run of each. pgcenter, pgmon and pg_glimpse list only the sessions
  that are not idle, the console and pg_top all.
- A figure is the median over the runs. Ratio: to what the goal is a multiple of, in the same series.
- Commands: user and system time of the process, the median of several starts, in turn with the two floors.
- First live rows: from just before exec until the screen, as a terminal emulator makes it of the bytes, holds rows of
  the server. Byte code is cached; the first start is not counted.
- CPU: the scheduler's run time of all threads of the process, by the refreshes, which are counted on the server.
- Server: execution and planning time in pg_stat_statements (track_planning) of all statements of the tool's role. Those
  a minute hold everything, also the first reads of all rules by a console that was just opened. Those a refresh hold
  the pane and what the rules read every few seconds: neither the console's header, unless one statement reads it with
  the sessions, nor the rules that read seldom, which have lines of their own. pg_activity is first refreshed often,
  until its prepared statements have the plans they keep.
- Keys: `j` and `k` at random moments; from the key until the cursor stands on another line of the screen, less what
  the harness itself needs to see a key that the kernel echoes. Pane changes: between panes visited before, from the
  key until the titles and rows of the other pane are on the screen.
- Waiters: sessions that wait for one row, on the light server; pg_activity shows its blocking queries. Growth: two
  servers, the second with ten times as much of everything; exponent: of the power that the figure grows with.
- First read of a pane: everything it asks on a new connection in its first second, look-ups included; one more: the
  mean of later ones, when everything on the screen has been looked up.
- PgBouncer: its run time less that of the same time without the console.
"""


def report(sections: Mapping[str, Book], effort: Effort) -> str:
    """The whole page, of all sections that were measured."""
    book = Book()
    for each in sections.values():
        book.add(each)
    tables = [
        ("Commands", table(COMMANDS, book, [])),
        ("Screens", table(SCREENS, book, book.tools)),
        ("Waiting sessions", table(waiter_rows(book), book, book.tools)),
        ("Ten times as much", growth_table(growth(book))),
        ("Not reached", missed([*COMMANDS, *SCREENS, *waiter_rows(book)], book)),
    ]
    lines = ["# Benchmarks", "", _written(effort), ""]
    lines += [f"- {name}: {text}" for name, text in book.versions.items()]
    floor = book.value("harness", CONSOLE) or 0.0
    effort_text = f"{effort.runs} (start-up {effort.starts}), {effort.refreshes} refreshes each, {effort.keys} keys"
    lines += [f"- Runs: {effort_text}; the harness needs {floor:.2f} ms to see a key", ""]
    for title, found in tables:
        lines += [f"## {title}", "", *found, ""] if found else []
    lines += [f"Not measured: {reason}.\n" for reason in dict.fromkeys(book.skipped)]
    return "\n".join(lines).rstrip() + "\n\n" + HOW


def _written(effort: Effort) -> str:
    if effort.runs < 3:
        return QUICKLY
    return "Written by `make bench`." if effort.is_whole else BRIEFLY


def table(rows: Iterable[Row], book: Book, tools: Sequence[str]) -> list[str]:
    """The rows that were measured, ratios first, then the figures of all tools."""
    found = [each for each in (verdict(row, book) for row in rows) if each is not None]
    names = [CONSOLE, *(tool for tool in tools if tool != CONSOLE and _has(tool, found, book))]
    head = f"| metric | ratio | goal | reached | {' | '.join(names)} |"
    return (
        [head, f"|---|--:|--:|---|{'--:|' * len(names)}", *(line(each, book, names) for each in found)] if found else []
    )


def line(found: Verdict, book: Book, tools: Sequence[str]) -> str:
    """One line of a table."""
    row = found.row
    ratio = "–" if found.ratio is None else f"{found.ratio:.2f}"
    reached = {None: "–", True: "yes", False: "**no**"}[found.reached]
    figures = [_figure_of(book.value(row.metric, tool), row.unit) for tool in tools]
    return f"| {row.title} | {ratio} | {found.goal or '–'} | {reached} | {' | '.join(figures)} |"


def growth_table(found: Iterable[Growth]) -> list[str]:
    """What ten times as much costs."""
    lines = [
        f"| {each.pane} | {each.sizes[0]:,} → {each.sizes[1]:,} {each.what} | {KINDS[each.kind]} | "
        f"{_figure_of(each.figures[0], 'ms')} | {_figure_of(each.figures[1], 'ms')} | {exponent(each):.2f} | "
        f"{'yes' if _grows_well(each) else '**no**'} |"
        for each in found
    ]
    head = ["| pane | from → to | figure | from | to | exponent | reached |", "|---|---|---|--:|--:|--:|---|"]
    return [*head, *lines] if lines else []


def exponent(found: Growth) -> float:
    """The power of the size that a figure grows with."""
    return math.log(found.figures[1] / found.figures[0]) / math.log(found.sizes[1] / found.sizes[0])


def _grows_well(found: Growth) -> bool:
    # A key answers within 50 ms at every size, all else grows no faster than n log n.
    return found.figures[1] <= 50 if found.kind.startswith("key") else exponent(found) <= GROWS_TOO_FAST


def missed(rows: Iterable[Row], book: Book) -> list[str]:
    """Every goal that is not reached, the farthest first, then what is known of the reasons."""
    found = [each for each in (verdict(row, book) for row in rows) if each is not None and each.reached is False]
    found.sort(key=_excess, reverse=True)
    goals = [f"- {each.row.title}: {each.ratio or 0:.2f}, {each.goal}" for each in found]
    return [*goals, *_limits(found)]


def _limits(missed: Iterable[Verdict]) -> Iterator[str]:
    """What limits the metrics, each reason once."""
    for limit in dict.fromkeys(each.row.limit for each in missed if each.row.limit):
        yield "\n" + textwrap.fill(limit, WIDTH, break_long_words=False, break_on_hyphens=False)


def _excess(found: Verdict) -> float:
    times = float((re.search(r"≤ ([\d.]+) ×", found.goal) or [0, 1])[1])
    return (found.ratio or 0.0) / times


def _has(tool: str, found: Iterable[Verdict], book: Book) -> bool:
    return any(book.value(each.row.metric, tool) is not None for each in found)


def _figure_of(value: float | None, unit: str) -> str:
    return "–" if value is None else figure(value, unit)


def figure(value: float, unit: str) -> str:
    """A number with three significant digits and its unit."""
    text = f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
    return f"{text} {unit}".strip()


def versions(postgres: str, pgbouncer: str, tools: Sequence[str]) -> dict[str, str]:
    """What it ran on: cores, memory, versions."""
    memory = int(re.findall(r"MemTotal:\s+(\d+)", Path("/proc/meminfo").read_text())[0]) / (1 << 20)
    packages = ", ".join(f"{name} {metadata.version(name)}" for name in DISTRIBUTIONS)
    return {
        "Machine": f"{os.cpu_count()} cores ({platform.machine()}), {memory:.0f} GB of memory",
        "Servers": f"PostgreSQL {postgres}, PgBouncer {pgbouncer or 'none'}",
        "Console": f"Python {platform.python_version()}, {packages}",
        **({"Peers": ", ".join(tools)} if tools else {}),  # of another section they stay on the page
    }
