"""A console that is killed leaves what it read."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

from console.past.readings import PastReadings
from console.past.segment import Stream
from console.past.store import ReadingLibrary, store_of
from tests.command import CHECKOUT, environment
from tests.servers import PostgresServer as Cluster

READS = 6
CONSOLE = """
import asyncio, sys
from console.settings.config import Wanted, load
from console.workspace import Workspace

async def main(target):
    async with Workspace(load(), Wanted(target)) as workspace:
        keeping = asyncio.create_task(workspace.keep_readings())
        source = workspace.sources.named("postgres")
        while True:
            await source.fetch("vitals")
            print("read", flush=True)
            await asyncio.sleep(0.5)  # the shortest period of a pane

asyncio.run(main(sys.argv[1]))
"""


def test_a_killed_console_loses_at_most_its_last_reading(any_pg: Cluster, tmp_path: Path) -> None:
    target = any_pg.uri("postgres")
    with subprocess.Popen(
        [sys.executable, "-c", CONSOLE, target],
        env=environment(tmp_path),
        cwd=CHECKOUT,
        stdout=subprocess.PIPE,
        text=True,
    ) as console:
        assert console.stdout is not None
        said = [console.stdout.readline() for _ in range(READS)]
        console.kill()
    assert said == ["read\n"] * READS
    store = store_of(tmp_path / ".local" / "state" / "pipeline-console", target)
    readings = PastReadings(ReadingLibrary(store).segments(time.time()))
    (chain,) = [segment.chains[Stream("postgres", "vitals")] for segment in readings.segments]
    assert READS - 1 <= len(chain.times) <= READS
    assert all(chain.answer(place) is not None for place in range(len(chain.times)))
