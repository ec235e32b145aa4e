"""The measurements: each opens the tools in turn, run after run, and enters what it saw into the book."""

from __future__ import annotations

import itertools
import random
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import psycopg

from console.panes import PANES
from scripts.benchmarks import tools
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
    refreshes: int = 8  # in one window
    keys: int = 200
    changes: int = 40
    warm: float = 9.0  # seconds of fast refreshes, until the peer's prepared statements have their final plans


FULL = Effort()
QUICK = Effort(runs=1, starts=3, refreshes=3, keys=40, changes=8, warm=2.0)


@dataclass(slots=True)
class Book:
    """Every figure taken, by metric and tool."""

    figures: dict[tuple[str, str], list[float]] = field(default_factory=lambda: defaultdict(list))
    skipped: list[str] = field(default_factory=list)

    def enter(self, metric: str, tool: str, figure: float) -> None:
        """One more figure."""
        self.figures[metric, tool].append(figure)

    def value(self, metric: str, tool: str) -> float | None:
        """The median over the runs; None when it was not measured."""
        found = self.figures.get((metric, tool))
        return median(found) if found else None


@dataclass(slots=True)
class Bench:
    """What the measurements share."""

    site: Site
    server: psycopg.Connection[Any]
    home: Path
    peer: Tool | None
    effort: Effort
    book: Book
    report: Callable[[str], None] = print

    def in_turn(self, pane: str = "connections") -> Iterator[Tool]:
        """Both tools alternating, as often as there are runs."""
        for _ in range(self.effort.runs):
            yield tools.console(pane)
            if self.peer:
                yield self.peer

    @contextmanager
    def running(self, tool: Tool, *extra: str) -> Iterator[Terminal]:
        """The tool on the screen with its first rows; the book keeps the reason if there are none."""
        with tool.open(self.site, self.home, *extra) as terminal:
            terminal.when(tool.live)
            yield terminal


def start(bench: Bench) -> None:
    """From exec to the first real rows, with byte code and server warm."""
    for turn in range(bench.effort.starts + 1):
        for metric, tool in (("start", tools.console()), ("start", bench.peer), ("start.overview", tools.console(""))):
            if tool is None:
                continue
            with tool.open(bench.site, bench.home) as terminal:
                time.sleep(1.2)
                live = terminal.when(tool.live) - terminal.started
            if turn:
                bench.book.enter(metric, tool.name, live * 1000)


def watch(bench: Bench) -> None:
    """Sessions at the usual period, keys, statements, panes, memory."""
    for tool in bench.in_turn():
        with bench.running(tool) as terminal:
            _warm(bench, terminal, tool)
            window(bench, terminal, tool, "sessions", "connections")
            _keys(bench, terminal, tool, "key")
            terminal.send(tool.faster)
            _keys(bench, terminal, tool, "key.busy")
            terminal.send(_slower(tool))
            if tool.name == "console":
                _slow(bench, terminal, tool)
            _panes(bench, terminal, tool)
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
    for tool in bench.in_turn():
        with bench.running(tool) as terminal:
            time.sleep(2 * PERIOD)
            window(bench, terminal, tool, "light", "connections")


def cost(bench: Bench) -> None:
    """What each pane costs the server: the first read on a new connection, and one more."""
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
    enter(f"{metric}.minute", tool.name, total(spent) * 60 / seconds)
    enter(f"{metric}.server", tool.name, total(spent, (tools.HEADER,)) / reads)
    enter(f"{metric}.texts", tool.name, spent["statement_texts"].calls if "statement_texts" in spent else 0)


def _spent(pid: int, seconds: float) -> float:
    before = cpu_seconds(pid)
    time.sleep(seconds)
    return cpu_seconds(pid) - before


def _slower(tool: Tool) -> str:
    return tool.faster.translate({ord("+"): "-", ord("-"): "+"})


def _warm(bench: Bench, terminal: Terminal, tool: Tool) -> None:
    terminal.send(tool.faster)
    time.sleep(bench.effort.warm)
    terminal.send(_slower(tool))
    time.sleep(PERIOD)


def _keys(bench: Bench, terminal: Terminal, tool: Tool, metric: str) -> None:
    # Up and down within the rows on the screen, at times that have nothing to do with the refreshes.
    taken = []
    for key in itertools.islice(itertools.cycle("j" * 12 + "k" * 12), bench.effort.keys):
        time.sleep(random.uniform(0.005, 0.03))
        terminal.quiet(0.002)
        taken.append(1000 * terminal.answer(key))
    _enter_times(bench, tool, metric, taken)


def _slow(bench: Bench, terminal: Terminal, tool: Tool) -> None:
    # Statements that ran a while ago come into sight as others fall silent: wait until their texts are known too.
    terminal.send(next(pane.key for pane in PANES if pane.name == "slow-queries"))
    time.sleep(bench.effort.refreshes * PERIOD)
    window(bench, terminal, tool, "slow", "statements")


def _panes(bench: Bench, terminal: Terminal, tool: Tool) -> None:
    shown: dict[str, Any] = {}
    for key, pattern in tool.panes.items():
        terminal.send(key)
        time.sleep(PERIOD)
        terminal.quiet(APART)
        if pattern.search(terminal.text()):
            shown[key] = pattern
    # The overview holds other panes, so their patterns do not distinguish them.
    shown = {key: pattern for key, pattern in shown.items() if tool.name != "console" or key != PANES[0].key}
    _change(bench, terminal, tool, shown)


def _change(bench: Bench, terminal: Terminal, tool: Tool, shown: Mapping[str, Any]) -> None:
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


HEAVY_GROUPS: Mapping[str, Callable[[Bench], None]] = {
    "start": start,
    "watch": watch,
    "overview": overview,
    "cost": cost,
    "pooler": pooler,
}
LIGHT_GROUPS: Mapping[str, Callable[[Bench], None]] = {"light": light}
