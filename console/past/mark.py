"""A moment of the past that other moments are compared with."""

from __future__ import annotations

from collections.abc import Mapping

from console.model import Kind, Snapshot, Trouble, View
from console.past.moment import PastMoment, PastReaders, clock
from console.reading.difference import difference
from console.reading.reader import Key, Reader, keys

Unanswered = Mapping[str, frozenset[Key]]  # by look-up
ROUNDS = 20  # look-ups for rows that are gone


class Mark:
    """What was known at a moment, read once for each view."""

    def __init__(self, then: PastMoment) -> None:
        self.then = then
        self._readers = PastReaders(then)
        self._read: dict[tuple[str, str, str], tuple[Reader, Snapshot] | Trouble] = {}  # by source, query and view
        self._compared: dict[
            tuple[str, str, str], tuple[Snapshot, Snapshot]
        ] = {}  # what was compared last, and the result

    @property
    def moment(self) -> str:
        """The moment as people read it."""
        return clock(self.then.moment)

    async def learn(self, source: str, view: View) -> None:
        """Look up the rows of a view at the mark, or why they are not known."""
        name = source, view.query, view.name
        if name not in self._read:
            try:
                reader = self._readers.of(source, view)
                self._read[name] = reader, await self._whole(source, reader, view)
            except Trouble as why:
                self._read[name] = why

    def compare(self, source: str, view: View, reader: Reader) -> Snapshot | None:
        """What differs from the mark in what `reader` read, in the columns of differing(view); None: it read nothing.

        What was looked up for a row at one of the two moments only makes no difference, nor does what was made of it.
        Raises Trouble if the view was not read at the mark, or not yet learned from it.
        """
        if (now := reader.last) is None:
            return None
        then = self._read.get((source, view.query, view.name))
        if then is None:
            raise Trouble(Kind.BUSY, f"What was read at {self.moment} is being looked up.")
        if isinstance(then, Trouble):
            raise then
        name = source, view.query, view.name
        if (known := self._compared.get(name)) is None or known[0] is not now:
            known = self._compared[name] = now, self._difference(then, reader, now, view)
        return known[1]

    def _difference(self, then: tuple[Reader, Snapshot], reader: Reader, now: Snapshot, view: View) -> Snapshot:
        reader_then, rows_then = then
        lacking = _either(reader_then.unanswered(), reader.unanswered())
        if not any(lacking.values()):
            return difference(rows_then, now, view, self.moment)
        alike = reader_then.without(lacking) or rows_then, reader.without(lacking) or now
        return difference(rows_then, now, view, self.moment, alike)

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


def _either(then: Unanswered, now: Unanswered) -> Unanswered:
    """Which rows lack a look-up at one of two moments, or at both."""
    return {query: then.get(query, frozenset()) | now.get(query, frozenset()) for query in {*then, *now}}


def _all_keys(reader: Reader, view: View) -> list[Key]:
    last = reader.last
    return keys(last, [column for column in view.key if column in last.columns]) if last else []
