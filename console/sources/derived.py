"""Sources that answer from another one: how an answer is made is all that is their own."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from console.format import safe
from console.model import UNCOMPUTED, Facts, Kind, Snapshot, Source, Trouble
from console.records import dataclass

Parameters = Mapping[str, object] | None
Fetch = Callable[[str, Parameters], Awaitable[Snapshot]]  # raises Trouble
MadeOf = Callable[[str], tuple[str, ...]]  # raises Trouble(MISSING) for an unknown query


def _itself(query: str) -> tuple[str, ...]:
    return (query,)


@dataclass(frozen=True, slots=True)
class Derived:
    """Answers by `answer`, out of what `source` answers; it has the facts and the connection of that one.

    `made_of` says of which queries of `source` an answer is made. What prevents the first prevents the answer.
    """

    name: str
    source: Source
    answer: Fetch
    made_of: MadeOf = _itself

    @property
    def facts(self) -> Facts:
        """Those of the source. Raises Trouble(UNREACHABLE) before the first connection."""
        return self.source.facts

    @property
    def retry_in(self) -> float:
        """That of the source."""
        return self.source.retry_in

    async def learn(self) -> Facts:
        """Read the facts of the source again. Raises Trouble."""
        return await self.source.learn()

    async def fetch(self, query: str, parameters: Parameters = None) -> Snapshot:
        """The answer. Raises Trouble."""
        reads = self.made_of(query)
        try:
            return await self.answer(query, parameters)
        except UNCOMPUTED:
            for each in reads:
                (await self.source.fetch(each)).in_full()  # else the reason is what the server's catalogs lack
            raise

    def text(self, query: str) -> str:
        """What is sent to the source. Raises Trouble(MISSING) for an unknown query."""
        return "\n\n".join(self.source.text(each).strip() for each in self.made_of(query))

    def obstacle(self, query: str) -> Trouble | None:
        """Why the source cannot answer what the query is about."""
        try:
            first, *_ = self.made_of(query)
        except Trouble as why:
            return why
        return self.source.obstacle(first)

    async def close(self) -> None:
        """There is nothing to close: the source is closed by its owner."""


def made_of(reads: Mapping[str, tuple[str, ...]], where: str) -> MadeOf:
    """What answers are made of by a list of the only queries that there are; `where`: "of the log"."""

    def reads_of(query: str) -> tuple[str, ...]:
        if query not in reads:
            raise no_query(query, where)
        return reads[query]

    return reads_of


def no_query(query: str, where: str) -> Trouble:
    """That a source does not know a query; `where`: "of the log"."""
    return Trouble(Kind.MISSING, f"There is no query {safe(query, 80)} {where}.")
