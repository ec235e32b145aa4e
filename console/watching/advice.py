"""The index adviser as a source: searches when it is first asked and again when the answer has become old."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping

from console.advising.adviser import QUERY, advise, unsupported
from console.model import Database, Snapshot, Source
from console.sources.derived import Derived, made_of
from console.sources.postgres import PostgresServer
from console.sources.registry import ADVICE

READS: Mapping[str, tuple[str, ...]] = {QUERY: ("advice_statements", "advice_tables")}
FRESH = 600.0  # seconds for which one search serves


def advice_source(server: Database) -> Source:
    """What answers the query of the view advice."""
    return Derived(ADVICE, server, IndexAdvice(server).fetch, made_of(READS, "of the index adviser"))


class IndexAdvice:
    """Searches on one server."""

    def __init__(self, server: Database) -> None:
        self._postgres = server
        self._last: Snapshot | None = None
        self._lock = asyncio.Lock()

    async def fetch(self, query: str, parameters: Mapping[str, object] | None = None) -> Snapshot:
        """The indexes that would pay. Raises Trouble."""
        del query, parameters
        if not isinstance(self._postgres, PostgresServer):
            raise unsupported()
        async with self._lock:
            if self._last is None or not self._last.is_recent(FRESH, time.monotonic()):
                self._last = await advise(self._postgres)
            return self._last
