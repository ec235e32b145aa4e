"""Measures the incident file of ten minutes with sixty sessions.

    python -m scripts.benchmarks incident [--seconds 600] [--sessions 60] [--pane NAME]… [--major 18]

A console reads what an open one reads, the panes of an incident on its screen in turn, and at the end writes the file
as its key does. Prints the bytes of each query and of the file, scaled to ten minutes, and fails above the goal.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from console.past import framing
from console.past.incident import SUFFIX
from console.running.trail.audit import Trail
from console.settings.config import Wanted, load
from console.workspace import INCIDENT, Workspace
from scripts.benchmarks.fixture import CONSOLE, LIGHT, Site, site
from scripts.benchmarks.readings import read

SHOWN = ("connections", "locks", "slow-queries", "waits")
GOAL = 2 * 2**20  # bytes
LISTED = 12  # queries


def main(argv: Sequence[str]) -> int:
    """Measure, print, and return 1 if the goal was missed."""
    options = _options(argv)
    size = replace(LIGHT, plain=200, sessions=options.sessions, active=8, statements=1000, text=600)
    with site(size, options.major) as place, tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"a{SUFFIX}"
        seconds = asyncio.run(_written(place, path, options.seconds, options.pane or SHOWN))
        found = path.stat().st_size * INCIDENT / seconds
        for line in _parts(path):
            print(line)
    print(f"{found / 2**20:.2f} MB in {INCIDENT / 60:.0f} min   goal at most {GOAL / 2**20:g} MB")
    return int(found > GOAL)


async def _written(place: Site, path: Path, seconds: float, shown: Sequence[str]) -> float:
    """Read for so long, then write the file; how many seconds are in it."""
    trail = Trail(path.with_name("audit.jsonl"))
    async with Workspace(load(environ={}), Wanted(place.uri(CONSOLE), "bench"), trail=trail) as workspace:
        keeping = asyncio.gather(workspace.keep_readings(), workspace.further_reads.follow())
        began = time.monotonic()
        await read(workspace, began + seconds, shown)
        spent = time.monotonic() - began
        await workspace.write_incident(path)
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)
    return min(spent, INCIDENT)


def _parts(path: Path) -> Sequence[str]:
    """How many bytes each query takes, the most first."""
    taken: Counter[str] = Counter()
    for payload in framing.payloads(path.read_bytes()):
        kind, *of = json.loads(payload.partition(b"\n")[0])
        taken[of[2] if kind == "reading" else kind] += len(payload)
    return [f"{size / 1024:8.0f} kB  {name}" for name, size in taken.most_common(LISTED)]


def _options(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks incident", description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--seconds", type=float, default=INCIDENT, help="how long to read (600)")
    parser.add_argument("--sessions", type=int, default=60, help="that are connected (60)")
    parser.add_argument("--pane", action="append", help="a pane on its screen; repeatable (those of an incident)")
    parser.add_argument("--major", type=int, help="major version of the server")
    return parser.parse_args(argv)
