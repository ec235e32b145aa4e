"""Measures the throughput of load-test against a bare pgbench with the same statements, in one run.

    python -m scripts.benchmarks load_test postgresql://… [--pooler URI] [--seconds 15] [--rounds 3] [--output FILE]

The URI is that of a pipeline database marked as scratch or demo, such as the first one that `pipeline-console demo
--headless` prints; the pooler's is `pgbouncer_admin`. For each number of clients and each way to the server, rounds of
both run in turns, the bare one first in every other round. pgbench runs the scripts of the plan without log and
progress, and nothing looks at the server. What it creates is removed between the rounds. Goal: at least 0.9 of its
throughput.
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
from console.running.load.output import PgbenchOutput
from console.running.trail.audit import Trail
from console.settings import config
from console.settings.config import Wanted
from console.sources.postgres import ActingSession, PostgresServer
from console.workspace import Workspace

CASES = (("direct", 4), ("direct", 20), ("pooler", 20), ("pooler", 100))
GOAL = 0.9


@dataclass(frozen=True, slots=True)
class Pair:
    """One case: transactions a second of each round, and the result of the last load-test."""

    via: str
    clients: int
    bare: tuple[float, ...]
    ours: tuple[float, ...]
    last: Mapping[str, Any]

    @property
    def share(self) -> float:
        """The throughput of load-test as a share of that of pgbench, of the medians."""
        return statistics.median(self.ours) / statistics.median(self.bare)


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
    return 0 if all(pair.share >= GOAL for pair in pairs) else 1


async def _measure(options: argparse.Namespace) -> tuple[list[Pair], str]:
    poolers = (options.pooler,) if options.pooler else ()
    with tempfile.TemporaryDirectory() as folder:
        trail = Trail(Path(folder) / "audit.jsonl")
        wanted = Wanted(options.uri, poolers=poolers)
        async with Workspace(config.load(environ={}), wanted, trail=trail) as workspace:
            cases = [(via, clients) for via, clients in CASES if via == "direct" or poolers]
            pairs = [await _pair(workspace, options, via, clients) for via, clients in cases]
            return pairs, workspace.sources.postgres.facts.version_text


async def _pair(workspace: Workspace, options: argparse.Namespace, via: str, clients: int) -> Pair:
    bare: list[float] = []
    ours: list[Mapping[str, Any]] = []
    given = {"via": via, "clients": str(clients), "seconds": str(options.seconds)}
    for turn in range(options.rounds):
        for is_bare in (True, False) if turn % 2 == 0 else (False, True):
            plan = await workspace.plan(action("load-test"), given)
            if is_bare:
                bare.append(await _bare(workspace, plan, options.uri))
            else:
                run = await workspace.run(plan)
                assert run.outcome is Outcome.DONE, run.message
                ours.append(_result(workspace.trail))
        sys.stderr.write(f"{via}, {clients} clients: pgbench {bare[-1]:.0f}, load-test {ours[-1]['rate']:.0f} tx/s\n")
    return Pair(via, clients, tuple(bare), tuple(each["rate"] for each in ours), ours[-1])


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
    output = PgbenchOutput()
    output.summary(printed.decode())
    removing = replace(plan, steps=plan.steps[2:])
    removed = await workspace.run(removing)
    assert removed.outcome is Outcome.DONE, removed.message
    return output.rate


def _result(trail: Trail) -> Mapping[str, Any]:
    *_, last = [entry["result"] for entry in trail.entries() if entry["event"] == "load"]
    assert isinstance(last, dict)
    return last


def _report(pairs: Sequence[Pair], server: str, options: argparse.Namespace) -> str:
    rows = [
        f"| {pair.via} | {pair.clients} | {statistics.median(pair.bare):.0f} | {statistics.median(pair.ours):.0f} | "
        f"{pair.share:.2f} | {pair.last['p50']:.1f} | {pair.last['p95']:.1f} | {pair.last['p99']:.1f} | "
        f"{pair.last['max']:.1f} | {sum(pair.last['errors'].values()) + pair.last['stopped']} |"
        for pair in pairs
    ]
    load = ", ".join(f"{each:.1f}" for each in os.getloadavg())
    where = (
        "Written by `python -m scripts.benchmarks load_test URI --pooler URI --output docs/benchmarks-load.md`, on the "
        f"database of `pipeline-console demo` with its workload, PostgreSQL {server}, {os.cpu_count()} cores that were "
        f"busy with other work (load average {load} at the end). Read the ratios rather than the figures."
    )
    method = (
        f"Medians of {options.rounds} rounds of {options.seconds} s: pgbench alone and `load-test` in turns, with the "
        "same scripts and arguments: 70 % dashboard reads, 30 % created requests, as many as possible. pgbench alone "
        f"writes no log and no progress, and nothing looks at the server. Goal: at least {GOAL} of its throughput. "
        "Latencies, in milliseconds, and errors are those of the last `load-test`. What load tests measure and how: "
        "[load-test.md](load-test.md)."
    )
    table = [
        "| via | clients | pgbench tx/s | load-test tx/s | ratio | p50 | p95 | p99 | max | errors |",
        "|---|---|---|---|---|---|---|---|---|---|",
        *rows,
    ]
    paragraphs = [textwrap.fill(each, 120, break_on_hyphens=False) for each in (where, method)]
    return "\n\n".join(["# Load tests of the demo", *paragraphs, "\n".join(table)]) + "\n"


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
