"""Measures what the rules cost a server: its time by query, over minutes of the schedule by which they are evaluated.

    python -m scripts.benchmarks rules [--minutes 10] [--major 18] [--light]

The heavy server is watched as `watch` does it, with nothing on a screen. What the first look reads is not counted: it
is read once. Two sums are given: of the times that pg_stat_statements counted, and of as many calls at the least time
of each, which other work of the machine does not lengthen. Fails when the least of all queries but the metrics, which
the header reads anyway, is more than GOAL.
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
from scripts.benchmarks.probes import Spent, bill, least_times, since

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
        spent, least = asyncio.run(_spent(place, Path(folder), 60.0 * options.minutes))
    text, total = table(spent, least, options.minutes)
    print(text)
    return int(total > GOAL)


def table(spent: Mapping[str, Spent], least: Mapping[str, float], minutes: float) -> tuple[str, float]:
    """A line for each query, the dearest first, and the least sum of all but the metrics; in milliseconds a minute."""
    lines, sums = [], [0.0, 0.0]
    for name, some in sorted(spent.items(), key=lambda item: -item[1].ms):
        best = some.calls * least.get(name, 0.0)
        if name != METRICS:
            sums = [sums[0] + some.ms / minutes, sums[1] + best / minutes]
        if some.ms / minutes >= LISTED:
            often = f"{some.calls / minutes:7.2f} a minute, at least {least.get(name, 0.0):8.3f} ms"
            lines.append(f"{name[:40]:40} {often}: {best / minutes:7.2f} of {some.ms / minutes:7.2f} ms/min")
    goal = f"without {METRICS}: {sums[1]:.1f} of {sums[0]:.1f} ms/min   goal at most {GOAL:g} ms/min"
    return "\n".join((*lines, goal)), sums[1]


async def _spent(place: Site, folder: Path, seconds: float) -> tuple[dict[str, Spent], dict[str, float]]:
    poolers = (place.admin_uri,) if place.admin_uri else ()
    wanted, trail = Wanted(place.uri(CONSOLE), "bench", poolers), Trail(folder / "audit.jsonl")
    async with Workspace(load(environ={}), wanted, trail=trail) as workspace:
        await workspace.observer.look()
        with place.connect() as server:
            before, end = bill(server, CONSOLE), time.monotonic() + seconds
            while time.monotonic() < end:
                await asyncio.sleep(PERIOD)
                await workspace.observer.look()
            return since(bill(server, CONSOLE), before), least_times(server, CONSOLE)
