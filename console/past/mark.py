"""A moment of the past that other moments are compared with."""

from __future__ import annotations

from console.model import Kind, Snapshot, Trouble, View
from console.past.moment import PastMoment, PastReaders, clock
from console.reading.difference import difference
from console.reading.reader import Key, Reader, keys

ROUNDS = 20  # look-ups for rows that are gone


class Mark:
    """What was known at a moment, read once for each view."""

    def __init__(self, then: PastMoment) -> None:
        self.then = then
        self._readers = PastReaders(then)
        self._read: dict[tuple[str, str, str], Snapshot | Trouble] = {}  # by source, query and view

    @property
    def moment(self) -> str:
        """The moment as people read it."""
        return clock(self.then.moment)

    async def learn(self, source: str, view: View) -> Snapshot | Trouble:
        """The rows of a view at the mark, or why they are not known."""
        name = source, view.query, view.name
        if name not in self._read:
            try:
                self._read[name] = await self._whole(source, self._readers.of(source, view), view)
            except Trouble as why:
                self._read[name] = why
        return self._read[name]

    def compare(self, source: str, view: View, now: Snapshot) -> Snapshot:
        """What differs in `now` from the mark, in the columns of differing(view).

        Raises Trouble if the view was not read at the mark, or not yet learned from it.
        """
        then = self._read.get((source, view.query, view.name))
        if then is None:
            raise Trouble(Kind.BUSY, f"What was read at {self.moment} is being looked up.")
        if isinstance(then, Trouble):
            raise then
        return difference(then, now, view, self.moment)

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
