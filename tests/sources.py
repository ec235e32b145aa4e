"""Sources for tests."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from console.model import Facts, Snapshot, Source, Trouble
from console.opening import policies
from console.running.progress import Run
from console.running.trail.audit import Trail
from console.running.trail.tables import answers
from console.sources.console import ConsoleSource
from console.sources.postgres import PostgresServer

Parameters = Mapping[str, object] | None


def console_of(trail: Trail, runs: Sequence[Run] = (), database: Source | None = None) -> ConsoleSource:
    """What the console knows of its runs and of `trail`; without a `database` nothing answers its audit table."""
    return ConsoleSource(lambda: {**answers(trail, runs, database or PostgresServer("")), **policies(())})


@dataclass
class Heard:
    """A source that passes everything on to another one, and keeps what it was asked; `hears` gets each answer."""

    source: Source
    hears: Callable[[str, Parameters, Snapshot], None] = lambda *_: None
    asked: list[tuple[str, Parameters]] = field(default_factory=list)

    @property
    def name(self) -> str:
        return self.source.name

    @property
    def label(self) -> str:
        return self.source.label

    @property
    def facts(self) -> Facts:
        return self.source.facts

    @property
    def known(self) -> Facts | None:
        return self.source.known if isinstance(self.source, PostgresServer) else None

    @property
    def retry_in(self) -> float:
        return self.source.retry_in

    async def learn(self) -> Facts:
        return await self.source.learn()

    async def fetch(self, query: str, parameters: Parameters = None) -> Snapshot:
        self.asked.append((query, parameters))
        answer = await self.source.fetch(query, parameters)
        self.hears(query, parameters, answer)
        return answer

    def text(self, query: str) -> str:
        return self.source.text(query)

    def obstacle(self, query: str) -> Trouble | None:
        return self.source.obstacle(query)

    async def close(self) -> None:
        await self.source.close()
