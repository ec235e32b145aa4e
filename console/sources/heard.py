"""Sources whose answers are heard: everything is passed on, and somebody learns what came of each read."""

from __future__ import annotations

from collections.abc import Callable

from console.model import Snapshot, Source, Trouble
from console.sources.derived import Derived, Parameters

Hear = Callable[[Source, str, Parameters, Snapshot | Trouble], None]


def heard(source: Source, hear: Hear) -> Source:
    """What answers as `source` does and lets `hear` know; nothing is asked that was not asked before."""

    async def answer(query: str, parameters: Parameters) -> Snapshot:
        try:
            found = await source.fetch(query, parameters)
        except Trouble as why:
            hear(source, query, parameters, why)
            raise
        hear(source, query, parameters, found)
        return found

    return Derived(source.name, source, answer)
