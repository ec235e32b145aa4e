"""Measures what the pane Waits costs a server while it is open: its sample of the sessions, every second.

    python -m scripts.benchmarks waits [--seconds 60] [--sessions 60 320] [--major 18]

On servers with so many sessions, 20 of them active and three in a chain of locks, as on the heavy one. The sums are of
the times that pg_stat_statements counted, and of as many calls at the least time of each, which other work of the
machine does not lengthen. Fails when the least of a view is more than GOAL.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from collections.abc import Sequence
from dataclasses import replace

from console.panes.waits import CLASSES, SESSIONS
from console.settings.config import Wanted, load
from console.workspace import Workspace
from scripts.benchmarks.fixture import CONSOLE, HEAVY, Site, site
from scripts.benchmarks.probes import bill, least_times, since

GOAL = 32.0  # ms a minute
PERIOD = 1.0  # seconds between two samples
WARM = 6  # samples that are not counted: by then the statements are prepared, with the plans that they keep
READ = ("wait_sample", "wait_blockers")
# But for its sessions, little of the heavy server matters.
SMALL = replace(HEAVY, plain=60, children=100, others=4, statements=200, text=200, pools=0)


def main(argv: Sequence[str]) -> int:
    """Measure, print, and return 1 if the goal was missed."""
    parser = argparse.ArgumentParser("benchmarks waits", description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--seconds", type=float, default=60.0, help="of sampling, for each view (60)")
    parser.add_argument("--sessions", type=int, nargs="+", default=[60, HEAVY.sessions], help="of the servers (60 320)")
    parser.add_argument("--major", type=int, help="major version of the server")
    options = parser.parse_args(argv)
    missed = False
    for sessions in options.sessions:
        with site(replace(SMALL, sessions=sessions), options.major) as place:
            for view in (CLASSES, SESSIONS):
                spent, least = asyncio.run(_spent(place, view.query, options.seconds))
                print(f"{sessions:5} sessions, {view.name:8} {least:6.1f} of {spent:6.1f} ms/min", flush=True)
                missed |= least > GOAL
    print(f"goal at most {GOAL:g} ms/min")
    return int(missed)


async def _spent(place: Site, query: str, seconds: float) -> tuple[float, float]:
    """Milliseconds a minute: as counted, and as many calls at the least time of each."""
    async with Workspace(load(environ={}), Wanted(place.uri(CONSOLE), "bench")) as workspace:
        for _ in range(WARM):
            await workspace.waits.fetch(query)
        with place.connect() as server:
            before, began = bill(server, CONSOLE), time.monotonic()
            while time.monotonic() < began + seconds:
                await workspace.waits.fetch(query)
                await asyncio.sleep(PERIOD)
            spent, least = since(bill(server, CONSOLE), before), least_times(server, CONSOLE)
            samples = max(1, spent["wait_sample"].calls) * PERIOD
    read = {name: some for name, some in spent.items() if name in READ}
    counted = sum(some.ms for some in read.values())
    at_least = sum(some.calls * least.get(name, 0.0) for name, some in read.items())
    return 60.0 / samples * counted, 60.0 / samples * at_least
