"""A moment of the past that other moments are compared with."""

from __future__ import annotations

from console.model import Snapshot, View
from console.past.moment import PastMoment, PastReaders, clock
from console.reading.difference import difference
from console.reading.reader import Key, Reader, keys

ROUNDS = 20  # look-ups for rows that are gone


class Mark:
    """What was known at a moment, read once for each view."""

    def __init__(self, then: PastMoment) -> None:
        self.then = then
        self._readers = PastReaders(then)
        self._read: dict[str, Snapshot] = {}  # by source, query and view

    @property
    def moment(self) -> str:
        """The moment as people read it."""
        return clock(self.then.moment)

    async def compare(self, source: str, view: View, now: Snapshot) -> Snapshot:
        """What differs in `now` from the mark, in the columns of differing(view). Raises Trouble if it was not read."""
        name = f"{source} {view.query} {view.name}"
        if name not in self._read:
            self._read[name] = await self._whole(source, self._readers.of(source, view), view)
        return difference(self._read[name], now, view, self.moment)

    async def _whole(self, source: str, reader: Reader, view: View) -> Snapshot:
        """The rows of then with what was looked up for them."""
        past = self.then.named(source)
        found = await reader.read(past)
        for _ in range(ROUNDS if view.lookups else 0):
            filled = await reader.fill(past, _all_keys(reader, view))
            if filled is None:
                break
            found = filled
        return found


def _all_keys(reader: Reader, view: View) -> list[Key]:
    last = reader.last
    return keys(last, [column for column in view.key if column in last.columns]) if last else []
