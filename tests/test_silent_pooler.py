"""A pooler that does not answer holds up nothing of what the header shows of the server."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import cast

import pytest

from console.model import Source
from console.reading.reader import Readers
from console.settings.config import Wanted
from console.sources.registry import POOLER, PRIMARY
from console.tui.vitals import Vitals
from console.workspace import Workspace
from tests.screens import settings
from tests.servers import Pooler, PostgresServer


class Heard:
    """Knows of a source how many questions it has answered."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.answered = 0

    async def fetch(self, query: str) -> object:
        found = await self.source.fetch(query)
        self.answered += 1
        return found


@contextmanager
def silent(pooler: Pooler) -> Iterator[None]:
    """It does nothing meanwhile."""
    pid = int((pooler.process.folder / "pgbouncer.pid").read_text())
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


@pytest.mark.spread
async def test_a_silent_pooler_does_not_hold_up_the_metrics_of_the_server(
    pg: PostgresServer, database: str, pgbouncer: Callable[[PostgresServer, str], Pooler]
) -> None:
    pooler = pgbouncer(pg, database)
    async with Workspace(settings(), Wanted(pg.uri(database), poolers=(pooler.stats_uri,))) as workspace:
        vitals = Vitals(Readers(), workspace.settings.thresholds)
        server, heard = workspace.sources.named(PRIMARY), Heard(workspace.sources.named(POOLER))
        asked = cast("Source", heard)
        await vitals.read(server, asked)
        assert vitals.now["pool_waiting"] == 0
        assert heard.answered == 1
        with silent(pooler):
            await vitals.read(server, asked)
            assert vitals.now["pool_waiting"] is None
            assert vitals.now["used"]
            assert heard.answered == 1
        while vitals.now["pool_waiting"] is None:
            await vitals.read(server, asked)
            await asyncio.sleep(0)
