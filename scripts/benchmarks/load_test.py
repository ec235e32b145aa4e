"""Measures the throughput of load-test against a bare pgbench with the same statements, in one run.

    python -m scripts.benchmarks load_test postgresql://… [--pooler URI] [--seconds 15] [--rounds 3] [--output FILE]

The URI is that of a pipeline database marked as scratch or demo, such as the first one that `pipeline-console demo
--headless` prints; the pooler's is `pgbouncer_admin`. For each number of clients and each way to the server, rounds of
pgbench alone and of load-test with pgbench and with the console's own driver run in turns. pgbench alone runs the
scripts of the plan without log and progress, and nothing looks at the server. What it creates is removed between the
rounds. Goal: at least 0.9 of its throughput, with pgbench as the driver.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import sys
import tempfile
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from console.actions import action
from console.model import LoadTest, Outcome, Plan
from console.running.execution.load_test import environment
from console.running.load.measured import errors_of
from console.running.load.pgbench import PgbenchReading
from console.running.trail.audit import Trail
from console.settings import config
from console.settings.config import Wanted
from console.sources.postgres import ActingSession, PostgresServer
from console.workspace import Workspace

BARE = "bare"  # pgbench alone
DRIVERS = ("pgbench", "console")
CASES = (("direct", 4), ("direct", 20), ("pooler", 20), ("pooler", 100))
GOAL = 0.9


@dataclass(frozen=True, slots=True)
class Pair:
    """One case: transactions a second of each round, and the result of the last load-test with the same driver."""

    via: str
    clients: int
    driver: str
    bare: tuple[float, ...]
    ours: tuple[float, ...]
    last: Mapping[str, Any]

    @property
    def share(self) -> float:
        """The throughput of load-test as a share of that of pgbench in the same round: the median."""
        return statistics.median(ours / bare for ours, bare in zip(self.ours, self.bare, strict=True))


def main(argv: Sequence[str]) -> int:
    """Measure and print a Markdown table; 1 if a case misses the goal."""
    parser = argparse.ArgumentParser(prog="benchmarks load_test", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("uri", nargs="?", default=os.environ.get("BENCH_URI", ""))
    parser.add_argument("--pooler", default="", help="URI of the admin console of its PgBouncer")
    parser.add_argument("--seconds", type=int, default=15)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--output", type=Path, help="write the report to this file")
    options = parser.parse_args(argv)
    pairs, server = asyncio.run(_measure(options))
    text = _report(pairs, server, options)
    if options.output:
        options.output.write_text(text, encoding="utf-8")
    sys.stdout.write(text)
    return 0 if all(pair.share >= GOAL for pair in pairs if pair.driver == "pgbench") else 1


async def _measure(options: argparse.Namespace) -> tuple[list[Pair], str]:
    poolers = (options.pooler,) if options.pooler else ()
    with tempfile.TemporaryDirectory() as folder:
        trail = Trail(Path(folder) / "audit.jsonl")
        wanted = Wanted(options.uri, poolers=poolers)
        async with Workspace(config.load(environ={}), wanted, trail=trail) as workspace:
            cases = [(via, clients) for via, clients in CASES if via == "direct" or poolers]
            pairs = [pair for via, clients in cases for pair in await _pairs(workspace, options, via, clients)]
            return pairs, workspace.sources.postgres.facts.version_text


async def _pairs(workspace: Workspace, options: argparse.Namespace, via: str, clients: int) -> list[Pair]:
    """One case: pgbench alone and load-test with each driver in turns, in another order each round."""
    bare: list[float] = []
    ours: dict[str, list[Mapping[str, Any]]] = {driver: [] for driver in DRIVERS}
    given = {"via": via, "clients": str(clients), "seconds": str(options.seconds)}
    for turn in range(options.rounds):
        for driver in (BARE, *DRIVERS) if turn % 2 == 0 else (*reversed(DRIVERS), BARE):
            plan = await workspace.plan(
                action("load-test"), {**given, "driver": "pgbench" if driver == BARE else driver}
            )
            if driver == BARE:
                bare.append(await _bare(workspace, plan, options.uri))
                continue
            run = await workspace.run(plan)
            assert run.outcome is Outcome.DONE, run.message
            ours[driver].append(_result(workspace.trail))
        rates = ", ".join(f"load-test by {driver} {found[-1]['rate']:.0f}" for driver, found in ours.items())
        sys.stderr.write(f"{via}, {clients} clients: pgbench {bare[-1]:.0f}, {rates} tx/s\n")
    return [
        Pair(via, clients, driver, tuple(bare), tuple(each["rate"] for each in found), found[-1])
        for driver, found in ours.items()
    ]


async def _bare(workspace: Workspace, plan: Plan, uri: str) -> float:
    """Transactions a second of pgbench alone; then what it created is removed."""
    load = plan.steps[1].execution
    assert isinstance(load, LoadTest)
    assert isinstance(workspace.sources.postgres, PostgresServer)
    session = ActingSession(uri, address=workspace.sources.postgres.facts.address)
    with tempfile.TemporaryDirectory() as folder:
        files: list[str] = []
        for script in load.scripts:
            path = Path(folder) / script.name
            path.write_text(script.text, encoding="utf-8")
            files += ["-f", f"{path}@{script.weight}"]
        arguments = [each for each in load.arguments if not each.startswith("--progress")]
        process = await asyncio.create_subprocess_exec(
            *(load.program, *arguments, *files),
            stdout=asyncio.subprocess.PIPE,
            env={**os.environ, "LC_ALL": "C", **environment(session, load, "bare pgbench")},
        )
        printed, _ = await process.communicate()
    reading = PgbenchReading(Path(), len(load.scripts))
    for line in printed.decode().splitlines():
        reading.line(line)
    removing = replace(plan, steps=plan.steps[2:])
    removed = await workspace.run(removing)
    assert removed.outcome is Outcome.DONE, removed.message
    return reading.output.rate


def _result(trail: Trail) -> Mapping[str, Any]:
    *_, last = [entry["result"] for entry in trail.entries() if entry["event"] == "load"]
    assert isinstance(last, dict)
    return last


def _report(pairs: Sequence[Pair], server: str, options: argparse.Namespace) -> str:
    rows = [_row(pair) for pair in pairs]
    load = ", ".join(f"{each:.1f}" for each in os.getloadavg())
    where = (
        "Written by `python -m scripts.benchmarks load_test URI --pooler URI --output docs/benchmarks-load.md`, on the "
        f"database of `pipeline-console demo` with its workload, PostgreSQL {server}, {os.cpu_count()} cores that were "
        f"busy with other work (load average {load} at the end). Read the ratios rather than the figures."
    )
    method = (
        f"Medians of {options.rounds} rounds of {options.seconds} s: pgbench alone and `load-test` with each driver in "
        "turns, with the same scripts and arguments: 70 % dashboard reads, 30 % created requests, as many as possible. "
        "The ratio is the median of those of each round. pgbench alone writes no log and no progress, and nothing "
        "looks at the server. Goal: at least "
        f"{GOAL} of its throughput with pgbench as the driver. Latencies, in milliseconds, errors and the rest are "
        "those of the last `load-test`. Another session: how long a query of the console took, in milliseconds: the "
        "median before the load, median and p95 meanwhile. Driver used: the share of its processors that the console's "
        "own driver used; where that is small, it did not limit the throughput. What load tests measure and how: "
        "[load-test.md](load-test.md)."
    )
    table = [
        (
            "| via | clients | driver | pgbench tx/s | load-test tx/s | ratio | p50 | p95 | p99 | max | errors "
            "| another session | driver used |"
        ),
        f"|{'---|' * 13}",
        *rows,
    ]
    paragraphs = [textwrap.fill(each, 120, break_on_hyphens=False) for each in (where, method)]
    return "\n\n".join(["# Load tests of the demo", *paragraphs, "\n".join(table)]) + "\n"


def _row(pair: Pair) -> str:
    last, usable, busy = pair.last, pair.last["usable"], pair.last["busy"]
    cells = (
        *(pair.via, pair.clients, pair.driver, f"{statistics.median(pair.bare):.0f}"),
        *(f"{statistics.median(pair.ours):.0f}", f"{pair.share:.2f}"),
        *(f"{last[name]:.1f}" for name in ("p50", "p95", "p99", "max")),
        errors_of(last),
        f"{usable['before']:.1f} → {usable['p50']:.1f}, {usable['p95']:.1f}",
        "" if busy is None else f"{100 * busy:.0f} %",
    )
    return f"| {' | '.join(map(str, cells))} |"


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
