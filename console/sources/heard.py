"""A source whose answers are heard: it passes everything on, and lets somebody know what came of each read."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from console.model import Facts, Snapshot, Source, Trouble
from console.records import dataclass

Parameters = Mapping[str, object] | None
Hear = Callable[[Source, str, Parameters, Snapshot | Trouble], None]


@dataclass(frozen=True, slots=True)
class HeardSource:
    """Another source, and what hears each of its answers; nothing is asked that was not asked before."""

    source: Source
    hear: Hear

    @property
    def name(self) -> str:
        """That of the source."""
        return self.source.name

    @property
    def label(self) -> str:
        """That of the source."""
        return self.source.label

    @property
    def facts(self) -> Facts:
        """Those of the source. Raises Trouble(UNREACHABLE) before the first connection."""
        return self.source.facts

    @property
    def retry_in(self) -> float:
        """That of the source."""
        return self.source.retry_in

    async def learn(self) -> Facts:
        """Read the facts again. Raises Trouble."""
        return await self.source.learn()

    async def fetch(self, query: str, parameters: Parameters = None) -> Snapshot:
        """What the source answers. Raises Trouble."""
        try:
            answer = await self.source.fetch(query, parameters)
        except Trouble as why:
            self.hear(self.source, query, parameters, why)
            raise
        self.hear(self.source, query, parameters, answer)
        return answer

    def text(self, query: str) -> str:
        """What the source sends. Raises Trouble(MISSING) for an unknown query."""
        return self.source.text(query)

    def obstacle(self, query: str) -> Trouble | None:
        """Why the source cannot answer the query."""
        return self.source.obstacle(query)

    async def close(self) -> None:
        """Close the source."""
        await self.source.close()
