"""The measurements: each opens the tools in turn, run after run, and enters what it saw into the book."""

from __future__ import annotations

import itertools
import random
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import psycopg

from console.model import OFTEN
from console.panes import PANES
from console.rules.diagnoses import DIAGNOSES
from console.watching.asks import merged
from scripts.benchmarks import tools
from scripts.benchmarks.figures import Book
from scripts.benchmarks.fixture import Site
from scripts.benchmarks.probes import bill, cpu_seconds, resident_mb, since, total
from scripts.benchmarks.terminal import Silent, Terminal
from scripts.benchmarks.tools import Tool

PERIOD = 2.0  # seconds between two refreshes of both tools
APART = 0.3  # seconds of silence: between two refreshes
ONCE = ("server_facts",)  # asked when connecting, whatever the pane
COSTED = ("connections", "locks", "slow-queries", "bloat", "indexes", "partitions", "views")


@dataclass(frozen=True, slots=True)
class Effort:
    """How often everything is measured."""

    runs: int = 3
    starts: int = 9
    commands: int = 11
    refreshes: int = 8  # in one window
    keys: int = 200
    changes: int = 40
    warm: float = 9.0  # seconds of fast refreshes, until the peer's prepared statements have their final plans
    judged: float = 9.0  # seconds after which all that the rules read at the start has been read
    settle: float = 2.0  # seconds that each pane is on the screen before panes are changed
    growing: int = 3  # runs on servers of two sizes
    waiters: tuple[int, ...] = (50, 100, 200, 400, 1000)
    is_whole: bool = True  # also what each pane costs the server and PgBouncer, and every peer everywhere


FULL = Effort()
BRIEF = Effort(3, 4, 3, 3, 60, 10, 3.0, settle=0.6, growing=1, waiters=(400, 1000), is_whole=False)
QUICK = Effort(1, 3, 5, 3, 40, 8, 2.0, growing=1, waiters=(20, 50))


@dataclass(slots=True)
class Bench:
    """What the measurements share."""

    site: Site
    server: psycopg.Connection[Any]
    home: Path
    peers: Sequence[Tool]
    effort: Effort
    book: Book
    floor: float = 0.0  # milliseconds that the harness needs to see the answer to a key

    def in_turn(self, pane: str = "connections", is_everywhere: bool = True) -> Iterator[Tool]:
        """All tools in turn, as often as there are runs; of the peers only the first where not all are wanted."""
        some = self.peers if is_everywhere or self.effort.is_whole else self.peers[:1]
        for _ in range(self.effort.runs):
            yield tools.console(pane)
            yield from some

    @contextmanager
    def running(self, tool: Tool, *extra: str) -> Iterator[Terminal]:
        """The tool on the screen with its first rows; the book keeps the reason if there are none."""
        with tool.open(self.site, self.home, *extra) as terminal:
            terminal.when(tool.live)
            yield terminal

    @contextmanager
    def noting(self, tool: Tool, what: str) -> Iterator[None]:
        """The block, without its rest if a peer does not show what is waited for: the book says so."""
        try:
            yield
        except Silent:
            if tool.name == "console":
                raise
            self.book.skipped.append(f"{what} of {tool.name}: its rows did not appear")


def start(bench: Bench) -> None:
    """From exec to the first real rows, with byte code and server warm."""
    for turn in range(bench.effort.starts + 1):
        starts = [("start", tool) for tool in (tools.console(), *bench.peers)] + [("start.overview", tools.console(""))]
        for metric, tool in starts:
            with bench.noting(tool, "start"), tool.open(bench.site, bench.home) as terminal:
                time.sleep(1.2)
                live = terminal.when(tool.live) - terminal.started
                if turn:
                    bench.book.enter(metric, tool.name, live * 1000)


def watch(bench: Bench) -> None:
    """Sessions at the usual period, keys, statements, panes."""
    for tool in bench.in_turn():
        with bench.noting(tool, "sessions"), bench.running(tool) as terminal:
            _warm(bench, terminal, tool)
            window(bench, terminal, tool, "sessions", "connections")
            keys(bench, terminal, tool, "key")
            if tool.faster:
                terminal.send(tool.faster)
                keys(bench, terminal, tool, "key.busy")
                terminal.send(tool.slower)
            if tool.name == "console":
                _slow(bench, terminal, tool)
            _change(bench, terminal, tool, _visited(bench, terminal, tool))


def memory(bench: Bench) -> None:
    """What is resident once every pane was on the screen, and was turned to again."""
    for tool in bench.in_turn():
        with bench.noting(tool, "memory"), bench.running(tool) as terminal:
            time.sleep(bench.effort.judged)
            shown = _visited(bench, terminal, tool)
            for key in itertools.islice(itertools.cycle(shown), bench.effort.changes):
                terminal.send(key)
                time.sleep(bench.effort.settle / 4)
            terminal.quiet(APART)
            bench.book.enter("memory", tool.name, resident_mb(terminal.pid))


def overview(bench: Bench) -> None:
    """The console as it opens by itself: on this terminal, three panes and a chart."""
    tool = tools.console("")
    for _ in range(bench.effort.runs):
        with bench.running(tool) as terminal:
            time.sleep(3 * PERIOD)
            window(bench, terminal, tool, "overview", tools.HEADER)


def light(bench: Bench) -> None:
    """Sessions on the light server."""
    for tool in bench.in_turn(is_everywhere=False):
        with bench.noting(tool, "light"), bench.running(tool) as terminal:
            time.sleep(2 * PERIOD)
            window(bench, terminal, tool, "light", "connections")


def cost(bench: Bench) -> None:
    """What each pane costs the server: the first read on a new connection, and one more."""
    if not bench.effort.is_whole:
        return
    config = tools.config_file(bench.home)
    pause = max(2.0, bench.effort.refreshes / 2) * PERIOD
    for pane in (each for each in PANES if each.name in COSTED):
        tool = tools.console(pane.name, config)
        for _ in range(bench.effort.runs):
            before = bill(bench.server, tool.role)
            try:
                with bench.running(tool) as terminal:
                    time.sleep(PERIOD / 2)
                    terminal.quiet(APART)
                    first = bill(bench.server, tool.role)
                    # Look-ups go on for some refreshes until everything is known.
                    time.sleep(pause)
                    terminal.quiet(APART)
                    settled = bill(bench.server, tool.role)
                    time.sleep(pause)
                    terminal.quiet(APART)
                    later = since(bill(bench.server, tool.role), settled)
            except Silent:
                bench.book.skipped.append(f"pane {pane.name}: no rows")
                break
            reads = tool.refreshes(later, next(view.query for view in pane.views if not view.source))
            own = (tools.HEADER, *ONCE)
            bench.book.enter(f"cost.{pane.name}.first", tool.name, total(since(first, before), own))
            if reads:
                bench.book.enter(f"cost.{pane.name}.later", tool.name, total(later, own) / reads)


def pooler(bench: Bench) -> None:
    """The pooler's pane: processor time of both sides for each refresh, less what the idle pooler takes."""
    if not bench.effort.is_whole:
        return
    if not bench.site.pooler_pid:
        bench.book.skipped.append("pooler: PgBouncer is not installed")
        return
    tool = tools.console("pooler")
    for _ in range(bench.effort.runs):
        idle = _spent(bench.site.pooler_pid, bench.effort.refreshes * PERIOD)
        with bench.running(tool, "--pooler", bench.site.admin_uri) as terminal:
            time.sleep(2 * PERIOD)
            client = cpu_seconds(terminal.pid)
            busy = _spent(bench.site.pooler_pid, bench.effort.refreshes * PERIOD)
            client = cpu_seconds(terminal.pid) - client
        bench.book.enter("pooler.server", tool.name, 1000 * (busy - idle) / bench.effort.refreshes)
        bench.book.enter("pooler.client", tool.name, 1000 * client / bench.effort.refreshes)


def window(bench: Bench, terminal: Terminal, tool: Tool, metric: str, query: str) -> None:
    """Some refreshes of what is on the screen: processor time, bytes, the server's time."""
    terminal.quiet(APART)
    before, cpu, written = bill(bench.server, tool.role), cpu_seconds(terminal.pid), terminal.written
    began = time.monotonic()
    time.sleep(bench.effort.refreshes * PERIOD - APART)
    terminal.quiet(APART)
    cpu, written = cpu_seconds(terminal.pid) - cpu, terminal.written - written
    seconds = time.monotonic() - began
    spent = since(bill(bench.server, tool.role), before)
    reads = tool.refreshes(spent, query if tool.name == "console" else "") or round(seconds / PERIOD)
    enter = bench.book.enter
    enter(f"{metric}.cpu", tool.name, 1000 * cpu / reads)
    enter(f"{metric}.bytes", tool.name, written / reads)
    minute = 60 / PERIOD / _periods(tool, reads, seconds)
    enter(f"{metric}.minute", tool.name, total(spent) * minute)
    seldom = _read_seldom(query) if tool.name == "console" else frozenset()
    enter(f"{metric}.server", tool.name, total(spent, (tools.HEADER, *seldom)) / reads)
    if tool.name == "console":
        enter(f"{metric}.minute.often", tool.name, total(spent, tuple(seldom)) * minute)
        enter(f"{metric}.seldom", tool.name, total({name: spent[name] for name in seldom & spent.keys()}) / reads)
    enter(f"{metric}.texts", tool.name, spent["statement_texts"].calls if "statement_texts" in spent else 0)


def _read_seldom(query: str) -> frozenset[str]:
    """The queries that only rules read, and not every few seconds: no part of what a pane costs at each refresh."""
    views = [view for pane in PANES if any(each.query == query for each in pane.views) for view in pane.views]
    shown = {name for view in views for name in (view.query, *(lookup.query for lookup in view.lookups))}
    seldom = {name for ask in merged(DIAGNOSES) if ask.every > OFTEN for name in ask.queries} - shown
    return frozenset(seldom.union(*(tools.ALSO[name] for name in seldom & tools.ALSO.keys())))


def _periods(tool: Tool, reads: int, seconds: float) -> float:
    # Each peer has a period of its own: what a refresh costs counts as often as the console's.
    return seconds / PERIOD if tool.name == "console" else reads


def _spent(pid: int, seconds: float) -> float:
    before = cpu_seconds(pid)
    time.sleep(seconds)
    return cpu_seconds(pid) - before


def _warm(bench: Bench, terminal: Terminal, tool: Tool) -> None:
    if tool.faster:
        terminal.send(tool.faster)
        time.sleep(bench.effort.warm)
        terminal.send(tool.slower)
    time.sleep(PERIOD)


def keys(bench: Bench, terminal: Terminal, tool: Tool, metric: str, steps: int = 10) -> None:
    """From a key to the redraw of the cursor, less what the harness itself needs to see a key.

    The cursor moves so many `steps` down and up again; each key at the end of the rows is waited for in vain.
    """
    if not tool.cursor:
        return
    taken = []
    # Up and down within the rows on the screen, at times that have nothing to do with the refreshes.
    for key in itertools.islice(itertools.cycle(tool.cursor[0] * steps + tool.cursor[1] * steps), bench.effort.keys):
        time.sleep(random.uniform(0.005, 0.03))
        terminal.quiet(0.002)
        try:
            taken.append(max(0.0, 1000 * terminal.redraw(key) - bench.floor))
        except Silent:  # its cursor stood at the end already
            continue
    if len(taken) > 1:
        _enter_times(bench, tool, metric, taken)
    else:
        bench.book.skipped.append(f"{metric} of {tool.name}: its keys move no line of another background")


def floor(home: Path, count: int) -> float:
    """Milliseconds from a key to its echo by the kernel: what the harness itself needs."""
    with Terminal(("cat",), tools.environment(home), tools.ROOT) as terminal:
        return median(1000 * terminal.answer("j") for _ in range(count))


def _slow(bench: Bench, terminal: Terminal, tool: Tool) -> None:
    # Statements that ran a while ago come into sight as others fall silent: wait until their texts are known too.
    terminal.send(next(pane.key for pane in PANES if pane.name == "slow-queries"))
    time.sleep(bench.effort.refreshes * PERIOD)
    window(bench, terminal, tool, "slow", "statements")


def _visited(bench: Bench, terminal: Terminal, tool: Tool) -> dict[str, re.Pattern[str]]:
    """Turn to each pane; the keys of those that showed rows, and what these look like."""
    shown: dict[str, re.Pattern[str]] = {}
    for key, pattern in tool.panes.items():
        terminal.send(key)
        time.sleep(bench.effort.settle)
        terminal.quiet(APART)
        if pattern.search(terminal.text()):
            shown[key] = pattern
    # The overview holds other panes, so their patterns do not distinguish them.
    return {key: pattern for key, pattern in shown.items() if tool.name != "console" or key != PANES[0].key}


def _change(bench: Bench, terminal: Terminal, tool: Tool, shown: Mapping[str, re.Pattern[str]]) -> None:
    if not shown:
        return
    taken, first = [], []
    for key in itertools.islice(itertools.cycle(shown), bench.effort.changes):
        terminal.text()
        at = terminal.send(key)
        time.sleep(random.uniform(0.3, 0.5))
        taken.append(1000 * (terminal.when(shown[key]) - at))
        first.append(1000 * (terminal.first_after(at) - at))
    _enter_times(bench, tool, "pane", taken)
    _enter_times(bench, tool, "pane.first", first)


def _enter_times(bench: Bench, tool: Tool, metric: str, taken: list[float]) -> None:
    bench.book.enter(metric, tool.name, median(taken))
    bench.book.enter(f"{metric}.p95", tool.name, quantiles(taken, n=20)[-1])
