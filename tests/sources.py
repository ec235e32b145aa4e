"""Sources for tests."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from console.model import Database, Snapshot, Source
from console.opening import policies
from console.running.progress import Run
from console.running.trail.audit import Trail
from console.running.trail.tables import answers
from console.sources.console import ConsoleSource
from console.sources.postgres import PostgresServer


def console_of(trail: Trail, runs: Sequence[Run] = (), database: Source | None = None) -> ConsoleSource:
    """What the console knows of its runs and of `trail`; without a `database` nothing answers its audit table."""
    return ConsoleSource(lambda: {**answers(trail, runs, database or PostgresServer("")), **policies(())})


def listen(server: Database, hear: Callable[[str, Snapshot], None]) -> None:
    """From now on let `hear` know what a server answers to which query, before anybody else does."""
    fetch = server.fetch

    async def heard(query: str, parameters: Mapping[str, object] | None = None) -> Snapshot:
        answer = await fetch(query, parameters)
        hear(query, answer)
        return answer

    server.fetch = heard  # type: ignore[method-assign]
