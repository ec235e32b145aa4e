"""Which of the expensive queries of the rules are needed, after what was read so far."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from console.model import Ask, Frame, Snapshot
from console.records import dataclass
from console.watching.asks import needed

Readings = Mapping[str, tuple[Snapshot, ...]]


@dataclass(frozen=True, slots=True)
class _Judged:
    """Whether a query was needed, and what decided it: a frame without its readings, and those that were looked at."""

    frame: Frame
    last: Mapping[str, Snapshot | None]
    is_needed: bool

    def holds(self, frame: Frame) -> bool:
        """Whether it is the same in `frame`."""
        return (
            frame.is_like(self.frame, ())
            and frame.troubles == self.frame.troubles
            and frame.skipped == self.frame.skipped
            and all(_last(frame.readings, query) is last for query, last in self.last.items())
        )


class QueryNeeds:
    """Judges the condition of a query again only when what it has looked at was read again: it may have many rows."""

    def __init__(self, asks: Iterable[Ask]) -> None:
        self._asks = [ask for ask in asks if ask.only_if is not None]
        self._judged: dict[str, _Judged] = {}

    def skipped(self, frame: Frame) -> set[str]:
        """The queries that need not be read in `frame`."""
        return {ask.query for ask in self._asks if not self._is_needed(ask, frame)}

    def _is_needed(self, ask: Ask, frame: Frame) -> bool:
        judged = self._judged.get(ask.query)
        if judged is None or not judged.holds(frame):
            looked_at: set[str] = set()
            watched = replace(frame, readings=_Watched(frame.readings, looked_at))
            is_needed = needed(ask, watched)
            last = {query: _last(frame.readings, query) for query in looked_at}
            judged = self._judged[ask.query] = _Judged(
                replace(frame, readings={}, records={}, made={}), last, is_needed
            )
        return judged.is_needed


def _last(readings: Readings, query: str) -> Snapshot | None:
    return readings[query][-1] if readings.get(query) else None


class _Watched(Readings):
    """Readings that remember which of them were looked at."""

    def __init__(self, readings: Readings, looked_at: set[str]) -> None:
        self._readings = readings
        self._looked_at = looked_at

    def __getitem__(self, query: str) -> tuple[Snapshot, ...]:
        self._looked_at.add(query)
        return self._readings[query]

    def __iter__(self) -> Iterator[str]:
        return iter(self._readings)

    def __len__(self) -> int:
        return len(self._readings)
