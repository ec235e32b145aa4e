"""Measures what the rules cost a server: its time by query, over minutes of the schedule by which they are evaluated.

    python -m scripts.benchmarks rules [--minutes 10] [--major 18] [--light]

The heavy server is watched as `watch` does it, with nothing on a screen. What the first look reads is not counted: it
is read once. Fails when all queries but the metrics, which the header reads anyway, take more than GOAL of the server.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from console.running.trail.audit import Trail
from console.settings.config import Wanted, load
from console.watching.watcher import PERIOD
from console.workspace import Workspace
from scripts.benchmarks.fixture import CONSOLE, HEAVY, LIGHT, Site, site
from scripts.benchmarks.probes import Spent, bill, since

GOAL = 60.0  # ms a minute
METRICS = "vitals"
LISTED = 0.05  # ms a minute; what costs less is summed up


def main(argv: Sequence[str]) -> int:
    """Measure, print, and return 1 if the goal was missed."""
    parser = argparse.ArgumentParser("benchmarks rules", description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--minutes", type=float, default=10.0, help="of watching (10)")
    parser.add_argument("--major", type=int, help="major version of the server")
    parser.add_argument("--light", action="store_true", help="the light server instead of the heavy one")
    options = parser.parse_args(argv)
    with site(LIGHT if options.light else HEAVY, options.major) as place, tempfile.TemporaryDirectory() as folder:
        spent = asyncio.run(_spent(place, Path(folder), 60.0 * options.minutes))
    text, total = table(spent, options.minutes)
    print(text)
    return int(total > GOAL)


def table(spent: Mapping[str, Spent], minutes: float) -> tuple[str, float]:
    """A line for each query, the dearest first, and the sum of all but the metrics; in milliseconds a minute."""
    by_cost = sorted(spent.items(), key=lambda item: -item[1].ms)
    lines = [
        f"{name:28} {some.calls / minutes:7.2f} a minute {some.ms / some.calls:8.3f} ms {some.ms / minutes:7.2f} ms/min"
        for name, some in by_cost
        if some.ms / minutes >= LISTED
    ]
    total = sum(some.ms for name, some in spent.items() if name != METRICS) / minutes
    return "\n".join((*lines, f"without {METRICS}: {total:.1f} ms/min   goal at most {GOAL:g} ms/min")), total


async def _spent(place: Site, folder: Path, seconds: float) -> dict[str, Spent]:
    poolers = (place.admin_uri,) if place.admin_uri else ()
    wanted, trail = Wanted(place.uri(CONSOLE), "bench", poolers), Trail(folder / "audit.jsonl")
    async with Workspace(load(environ={}), wanted, trail=trail) as workspace:
        await workspace.observer.look()
        with place.connect() as server:
            before, end = bill(server, CONSOLE), time.monotonic() + seconds
            while time.monotonic() < end:
                await asyncio.sleep(PERIOD)
                await workspace.observer.look()
            return since(bill(server, CONSOLE), before)
