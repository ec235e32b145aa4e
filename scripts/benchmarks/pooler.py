"""Measures what the console costs PgBouncer with 1,000 connected clients: its processor time for each refresh.

    python -m scripts.benchmarks pooler [--clients 1000] [--rounds 5] [--refreshes 12] [--output FILE]

A light server is started behind each version of PgBouncer that is there, in turn. Twenty of its server connections are
busy all the time, each for one client after the other, so that nothing that the console learnt of them stays true.
Every round takes the processor time of PgBouncer over the same time without a console, with one on another pane, and
with one on Connections, which names the client behind every session. Everything is gone afterwards. Fails when a
refresh of Connections costs PgBouncer more than GOAL.
"""

from __future__ import annotations

import argparse
import re
import resource
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import psycopg

from console.demo.ports import HOST
from scripts.benchmarks import tools
from scripts.benchmarks.fixture import LIGHT, LOAD, Pools, Site, pooler, site
from scripts.benchmarks.measure import PERIOD
from scripts.benchmarks.probes import cpu_seconds
from scripts.servers import Version, poolers

GOAL = 1.0  # ms of PgBouncer a refresh
BUSY = 20  # server connections
STATEMENT = "SELECT pg_sleep(4)"
SETTLE = 6.0  # seconds until server connections are made, and until rules have read a pooler for the first time
SPARE_FILES = 200  # that are open in addition to one for each client
OF_POOLER, CLEAR = f"/who={LOAD}\r", "\x1b"  # keys that show the sessions of PgBouncer alone, and all again
NAMED = re.compile(rf"pooled client +{re.escape(HOST)}")  # in the details: the address of the client behind a session
ALONE, ELSEWHERE, JOINING = "", "settings", "connections"  # panes of the console; empty: there is none


@dataclass(frozen=True, slots=True)
class Effort:
    """How much is measured."""

    clients: int
    rounds: int
    refreshes: int  # in the time that is measured


@dataclass(frozen=True, slots=True)
class Costs:
    """Milliseconds of PgBouncer in the time of one refresh, of each round."""

    alone: Sequence[float]
    elsewhere: Sequence[float]
    joining: Sequence[float]

    @property
    def whole(self) -> float:
        """What the console on Connections adds."""
        return median(busy - idle for busy, idle in zip(self.joining, self.alone, strict=True))

    @property
    def join(self) -> float:
        """What Connections adds to what the rules and the header read of a pooler on every pane."""
        return median(busy - other for busy, other in zip(self.joining, self.elsewhere, strict=True))


def main(argv: Sequence[str]) -> int:
    """Measure every PgBouncer, write the page; 1 when the goal is missed or there is no PgBouncer."""
    parser = argparse.ArgumentParser("benchmarks pooler", description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--clients", type=int, default=1000, help="that are connected (1000)")
    parser.add_argument("--rounds", type=int, default=5, help="of which the median is taken (5)")
    parser.add_argument("--refreshes", type=int, default=12, help="in the time that is measured (12)")
    parser.add_argument("--output", type=Path, help="Markdown file to write")
    options = parser.parse_args(argv)
    effort = Effort(options.clients, options.rounds, options.refreshes)
    _allow_files(effort.clients + SPARE_FILES)
    with tempfile.TemporaryDirectory(prefix="pipeline-bench-") as home, site(LIGHT, None) as place:
        found = {version: measured(place, Path(home), program, effort) for version, program in poolers().items()}
    text = page(effort, found)
    if options.output:
        options.output.write_text(text, encoding="utf-8")
    print(text)
    return int(not found or any(costs.whole > GOAL for costs in found.values()))


def measured(place: Site, home: Path, program: str, effort: Effort) -> Costs:
    """What the console costs one PgBouncer."""
    folder = place.process.supervisor.directory("pipeline-bench-pooler-", Path(tempfile.gettempdir()))
    taken: dict[str, list[float]] = {ALONE: [], ELSEWHERE: [], JOINING: []}
    with pooler(place, folder / "pooler", program, Pools(1, BUSY, effort.clients)) as connected, working(connected):
        time.sleep(SETTLE)
        for _ in range(effort.rounds):
            for pane, figures in taken.items():
                figures.append(_spent(place, home, pane, effort.refreshes))
    return Costs(taken[ALONE], taken[ELSEWHERE], taken[JOINING])


@contextmanager
def working(connected: Sequence[psycopg.Connection[Any]]) -> Iterator[None]:
    """All clients at work, one after the other on each of the busy server connections."""
    over = threading.Event()
    threads = [threading.Thread(target=_work, args=(connected[at::BUSY], over)) for at in range(BUSY)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        over.set()
        for thread in threads:
            thread.join()


def _work(mine: Sequence[psycopg.Connection[Any]], over: threading.Event) -> None:
    while mine and not over.is_set():
        for client in mine:
            if over.is_set():
                return
            client.execute(STATEMENT)


def _spent(place: Site, home: Path, pane: str, refreshes: int) -> float:
    """Milliseconds of PgBouncer in the time of one refresh."""
    if pane == ALONE:
        return _window(place.pooler_pid, refreshes)
    tool = tools.console(pane)
    with tool.open(place, home, "--pooler", place.admin_uri) as terminal:
        terminal.when(tool.live)
        if pane == JOINING:
            terminal.send(OF_POOLER)
            terminal.when(NAMED)
            terminal.send(CLEAR)
        time.sleep(SETTLE)
        terminal.quiet(PERIOD / 4)
        return _window(place.pooler_pid, refreshes)


def _window(pid: int, refreshes: int) -> float:
    before = cpu_seconds(pid)
    time.sleep(refreshes * PERIOD)
    return 1000 * (cpu_seconds(pid) - before) / refreshes


def _allow_files(wanted: int) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, wanted)), hard))


def page(effort: Effort, found: Mapping[Version, Costs]) -> str:
    """The figures as Markdown."""
    lines = [
        f"| {'.'.join(map(str, version))} | {median(costs.alone):.2f} ms | {median(costs.elsewhere):.2f} ms "
        f"| {median(costs.joining):.2f} ms | {costs.join:.2f} ms | {costs.whole:.2f} ms "
        f"| {'yes' if costs.whole <= GOAL else '**no**'} |"
        for version, costs in found.items()
    ]
    head = HEAD.format(
        clients=effort.clients,
        rounds=effort.rounds,
        seconds=effort.refreshes * PERIOD,
        busy=BUSY,
        period=PERIOD,
        goal=GOAL,
    )
    return "\n".join((head, *lines, ""))


HEAD = """# What the console costs PgBouncer

Written by `python -m scripts.benchmarks pooler --output docs/benchmarks-pooler.md`.

PgBouncer with {clients:,} connected clients. {busy} server connections are busy all the time, each for one client after
the other, so that what the console learnt of them never stays true: the most that naming the clients behind sessions
can cost. The figures are processor time of PgBouncer in the {period:g} s of one refresh, the median of {rounds} rounds
of {seconds:g} s each: without a console, with one open on another pane, where rules and header read the pooler, and
with one open on Connections. Goal: a console on Connections costs PgBouncer at most {goal:g} ms a refresh in all.

| PgBouncer | without | another pane | Connections | the names of clients | the console | reached |
|---|--:|--:|--:|--:|--:|---|"""
