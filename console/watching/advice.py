"""The index adviser as a source: searches when it is first asked and again when the answer has become old."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping

from console.advising.adviser import QUERY, advise, unsupported
from console.format import safe
from console.model import Facts, Kind, Snapshot, Trouble
from console.sources.postgres import PostgresServer
from console.sources.registry import ADVICE, Sources

READS: Mapping[str, tuple[str, ...]] = {QUERY: ("advice_statements", "advice_tables")}
FRESH = 600.0  # seconds for which one search serves


class IndexAdvice:
    """Answers the query of the view advice."""

    name = ADVICE

    def __init__(self, sources: Sources) -> None:
        self._postgres = sources.postgres
        self._last: Snapshot | None = None
        self._lock = asyncio.Lock()

    @property
    def label(self) -> str:
        """That of the server."""
        return self._postgres.label

    @property
    def facts(self) -> Facts:
        """Those of the server. Raises Trouble(UNREACHABLE) before the first connection."""
        return self._postgres.facts

    @property
    def retry_in(self) -> float:
        """Seconds until the next attempt to connect to the server."""
        return self._postgres.retry_in

    async def learn(self) -> Facts:
        """Read the facts of the server again. Raises Trouble."""
        return await self._postgres.learn()

    async def fetch(self, query: str, parameters: Mapping[str, object] | None = None) -> Snapshot:
        """The indexes that would pay. Raises Trouble."""
        del parameters
        if query != QUERY:
            raise _unknown(query)
        if not isinstance(self._postgres, PostgresServer):
            raise unsupported()
        async with self._lock:
            if self._last is None or time.monotonic() - self._last.clock > FRESH:
                self._last = await advise(self._postgres)
            return self._last

    def text(self, query: str) -> str:
        """The statements that are sent, apart from EXPLAIN. Raises Trouble(MISSING) for an unknown query."""
        if query != QUERY:
            raise _unknown(query)
        head = "-- EXPLAIN of the statements that this query returns, with hypothetical indexes (hypopg)\n"
        return head + "\n\n".join(self._postgres.text(each).strip() for each in READS[QUERY])

    def obstacle(self, query: str) -> Trouble | None:
        """Why the server cannot answer."""
        return self._postgres.obstacle("advice_statements") if query == QUERY else _unknown(query)

    async def close(self) -> None:
        """There is nothing to close: the server is closed by its owner."""


def _unknown(query: str) -> Trouble:
    return Trouble(Kind.MISSING, f"There is no query {safe(query, 80)} of the index adviser.")
