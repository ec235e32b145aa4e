"""Measures what keeping every reading costs: bytes on the disk and processor time, on the heavy server.

    python -m scripts.benchmarks readings [--seconds 180] [--major 18] [--light]

A console without a screen reads what an open one reads: the metrics of the header every two seconds, what the rules
need, what is read for the past alone, and in turn a pane that is on the screen. The figures are scaled to an hour.
Fails when one is above its goal.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from console.model import Trouble
from console.panes import pane as pane_called
from console.panes.metrics import VITALS
from console.past.recorder import HeardAnswer, ReadingRecorder
from console.reading.reader import Readers, keys
from console.running.trail.audit import Trail
from console.settings.config import Wanted, load
from console.sources.registry import PRIMARY
from console.workspace import Workspace
from scripts.benchmarks.fixture import CONSOLE, HEAVY, LIGHT, Site, site

SHOWN = ("connections", "slow-queries", "locks", "indexes", "bloat")  # the panes that are on the screen in turn
PERIOD, TURN = 2.0, 20.0  # seconds
GOALS = (("bytes an hour", 20.0, "MB"), ("processor", 2.0, "%"))


class Measured:
    """Counts the processor time of a recorder."""

    def __init__(self, recorder: ReadingRecorder) -> None:
        self.seconds = 0.0
        self._write = recorder.write
        recorder.write = self.write  # type: ignore[method-assign]

    def write(self, heard: list[HeardAnswer]) -> None:
        """Write, and count."""
        began = time.thread_time()
        self._write(heard)
        self.seconds += time.thread_time() - began


def main(argv: Sequence[str]) -> int:
    """Measure, print, and return 1 if a goal was missed."""
    options = _options(argv)
    with site(LIGHT if options.light else HEAVY, options.major) as place, tempfile.TemporaryDirectory() as folder:
        figures = asyncio.run(_measured(place, Path(folder), options.seconds))
    failed = False
    for (name, goal, unit), figure in zip(GOALS, figures, strict=True):
        failed = failed or figure > goal
        print(f"{name:14} {figure:7.2f} {unit}   goal at most {goal:g} {unit}")
    return int(failed)


async def _measured(place: Site, folder: Path, seconds: float) -> tuple[float, float]:
    settings, trail = load(environ={}), Trail(folder / "audit.jsonl")
    poolers = (place.admin_uri,) if place.admin_uri else ()
    async with Workspace(settings, Wanted(place.uri(CONSOLE), "bench", poolers), trail=trail) as workspace:
        measured = Measured(workspace.recorder)
        keeping = asyncio.gather(workspace.keep_readings(), workspace.further_reads.follow())
        began = time.monotonic()
        await read(workspace, began + seconds, SHOWN)
        spent = time.monotonic() - began
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)
    return _size(folder) * 3600 / spent / 2**20, measured.seconds / spent * 100


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*.readings"))


async def read(workspace: Workspace, until: float, shown: Sequence[str]) -> None:
    """Read as an open console does, on whose screen these panes are in turn."""
    readers, sources = Readers(workspace.sources.named), workspace.sources
    judged = 0
    began = time.monotonic()
    while (now := time.monotonic()) < until:
        workspace.observer.offer(await readers.of(PRIMARY, VITALS).read(sources.named(PRIMARY)))
        turn = int((now - began) / TURN)
        pane = pane_called(shown[turn % len(shown)])
        view = pane.views[0]
        with suppress(Trouble):
            reader = readers.of(pane.source_of(view), view)
            rows = await reader.read(sources.of(pane, view))
            present = [name for name in view.key if name in rows.columns]
            await reader.fill(sources.of(pane, view), keys(rows, present)[:50])
        if now - began > judged * 5.0:
            judged += 1
            with suppress(Trouble):
                await sources.named("rules").fetch("findings")
        await asyncio.sleep(max(0.0, PERIOD - (time.monotonic() - now)))


def _options(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks readings", description=__doc__)
    parser.add_argument("--seconds", type=float, default=180.0, help="how long to read (180)")
    parser.add_argument("--major", type=int, help="major version of the server")
    parser.add_argument("--light", action="store_true", help="the light server instead of the heavy one")
    return parser.parse_args(argv)
