"""Which of the expensive queries of the rules are needed, after what was read so far."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import TypeVar

from console.model import Ask, Frame
from console.model.finding import Seen
from console.records import dataclass
from console.rules.judging import Alike
from console.watching.asks import needed

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class _Judged:
    """Whether a query was needed, and what decided it: a frame without its readings, and those that were looked at."""

    frame: Frame
    looked_at: Seen
    is_needed: bool


class QueryNeeds:
    """Judges the condition of a query again only when what it has looked at was read again: it may have many rows."""

    def __init__(self, asks: Iterable[Ask]) -> None:
        self._asks = [ask for ask in asks if ask.only_if is not None]
        self._judged: dict[str, _Judged] = {}

    def skipped(self, frame: Frame) -> set[str]:
        """The queries that need not be read in `frame`."""
        alike = Alike(frame)
        asks = [ask for ask in self._asks if not self._is_known(ask, alike)]
        if asks:
            self._judge(asks, frame)
        return {ask.query for ask in self._asks if not self._judged[ask.query].is_needed}

    def _is_known(self, ask: Ask, now: Alike) -> bool:
        judged = self._judged.get(ask.query)
        return judged is not None and now.frame.still_shows(judged.looked_at) and now.is_like(judged.frame)

    def _judge(self, asks: Iterable[Ask], frame: Frame) -> None:
        looked_at: set[str] = set()
        watched = replace(
            frame,
            readings=_Watched(frame.readings, looked_at),
            troubles=_Watched(frame.troubles, looked_at),
            skipped=_WatchedSet(frame.skipped, looked_at),
            made={},
        )
        bare = frame.bare()
        for ask in asks:
            looked_at.clear()
            watched.made.clear()  # who finds something made looks at nothing
            is_needed = needed(ask, watched)
            self._judged[ask.query] = _Judged(bare, frame.seen(looked_at), is_needed)


class _Watched(Mapping[str, Value]):
    """Something by query that remembers of which queries it was looked at."""

    def __init__(self, found: Mapping[str, Value], looked_at: set[str]) -> None:
        self._found = found
        self._looked_at = looked_at

    def __getitem__(self, query: str) -> Value:
        self._looked_at.add(query)
        return self._found[query]

    def __contains__(self, query: object) -> bool:
        self._looked_at.add(str(query))
        return query in self._found

    def __iter__(self) -> Iterator[str]:
        return iter(self._found)

    def __len__(self) -> int:
        return len(self._found)


class _WatchedSet(frozenset[str]):
    """Queries that remember which of them were looked for."""

    _looked_at: set[str]

    def __new__(cls, queries: Iterable[str], looked_at: set[str]) -> _WatchedSet:
        """A set of `queries`."""
        made = super().__new__(cls, queries)
        made._looked_at = looked_at
        return made

    def __contains__(self, query: object) -> bool:
        self._looked_at.add(str(query))
        return super().__contains__(query)
