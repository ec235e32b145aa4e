"""The rows of a table, found by position, by key or by value, and which of them are marked. Knows no screen."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import field

from console.model import Level, Row, Snapshot
from console.reading.reader import Key, keys
from console.records import dataclass


@dataclass(frozen=True, slots=True)
class TablePlace:
    """The row under the cursor, what is marked, and how far the table is scrolled; no rows."""

    cursor: int = 0
    key: Key | None = None  # of the row under the cursor
    columns: tuple[str, ...] = ()  # that the query returned
    marked: frozenset[Key] = frozenset()
    sought: Mapping[str, object] = field(default_factory=dict)
    seeks: Level | None = Level.CRITICAL  # the least level of the row it goes to; None: it was moved
    left: int = 0
    top: int = 0


class TableRows:
    """The rows of the last snapshot. Marks stay on their rows, by key, from one snapshot to the next."""

    def __init__(self) -> None:
        self.snapshot: Snapshot | None = None
        self.keys: list[Key] = []
        self._marked: set[Key] = set()

    def replace(self, snapshot: Snapshot, key: Sequence[str]) -> None:
        """Take the rows of `snapshot`, which the columns `key` tell apart."""
        self.snapshot = snapshot
        self.keys = keys(snapshot, key)
        if self._marked:
            self._marked &= set(self.keys)

    def forget(self, marked: Collection[Key]) -> None:
        """Have no rows; those with the keys `marked` are marked as soon as they are there."""
        self.snapshot, self.keys, self._marked = None, [], set(marked)

    def __len__(self) -> int:
        return len(self.keys)

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that the query returned."""
        return self.snapshot.columns if self.snapshot else ()

    @property
    def values(self) -> Sequence[Row]:
        """The raw values of every row."""
        return self.snapshot.rows if self.snapshot else ()

    def key(self, at: int) -> Key | None:
        """The key of a row; None: there is no such row."""
        return self.keys[at] if 0 <= at < len(self.keys) else None

    def record(self, at: int) -> dict[str, object] | None:
        """A row, column → raw value; None: there is no such row."""
        return dict(zip(self.columns, self.values[at], strict=True)) if 0 <= at < len(self.keys) else None

    def position_of(self, wanted: Mapping[str, object]) -> int | None:
        """The first row with these values."""
        for at, record in enumerate(self.snapshot.records() if self.snapshot else ()):
            if all(name in record and str(record[name]) == str(value) for name, value in wanted.items()):
                return at
        return None

    def followed(self, at: int, former: Key | None) -> int:
        """Where the row is now that was at `at` and had the key `former`; if it has gone, the row in its place."""
        found = self.place_of(at, former)
        return max(0, min(at, len(self.keys) - 1)) if found is None else found

    def place_of(self, at: int, former: Key | None) -> int | None:
        """Where the row is now that was at `at` and had the key `former`; None: it has gone."""
        if former is None:
            return None
        if self.key(at) == former:
            return at
        return self.keys.index(former) if former in self.keys else None

    # Marks

    @property
    def marks(self) -> frozenset[Key]:
        """The keys of the marked rows."""
        return frozenset(self._marked)

    def is_marked(self, at: int) -> bool:
        """Whether a row is marked."""
        return self.keys[at] in self._marked

    def toggle(self, key: Key) -> None:
        """Mark or unmark a row."""
        self._marked ^= {key}

    @property
    def marked(self) -> list[dict[str, object]]:
        """The marked rows that are still there."""
        pairs = zip(self.keys, self.snapshot.records(), strict=True) if self.snapshot else ()
        return [record for key, record in pairs if key in self._marked]
