"""What differs in a view between two moments: rows that came, went or changed, numbers as differences. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TypeGuard

from console.format import CHANGES, counted, show
from console.model import Column, Row, Snapshot, View
from console.reading.reader import Key, keys, only
from console.records import dataclass

CHANGE = "difference"
NEW, GONE, CHANGED = "new", "gone", "changed"
BY_THEMSELVES = frozenset({"age", "size_rate"})  # formats of what changes without anything having happened
LAST_ONLY = frozenset({"query", "time"})  # formats with no room for both values
FLAG_WIDTH = 8  # cells: no → yes
_HELP = "new: it was not there at the mark; gone: it is no longer there; changed: another value than at the mark"

_Compare = Callable[[object, object], tuple[object, bool]]  # then, now → what the cell shows, whether it differs


def differing(view: View) -> View:
    """The view as it shows differences: its columns without limits and bars, after one that says what happened."""
    first = Column(CHANGE, "Change", width=7, help=_HELP)
    return replace(
        view,
        columns=(first, *(_column(column, view) for column in view.columns)),
        where=None,
        rates=(),
        lookups=(),
        derive=None,
        rules=(),
        blocks=False,
        leads=None,
        sort="",
        empty="Nothing differs from the mark.",
    )


def difference(then: Snapshot, now: Snapshot, view: View, moment: str) -> Snapshot:
    """The rows that are not as they were: numbers minus what they were, texts as "before → after".

    `view` is the one that both were read for, `moment` the name of the earlier one. Rates and ages are those of now
    and make no difference, as they change without anything having happened; nor does what was looked up only once.
    Where the view has the largest number first, the largest difference is; else rows that came, then those that went.
    """
    then, now = only(then, view), only(now, view)
    key = [column for column in view.key if column in now.columns and column in then.columns]
    table = _Differences.of(then, now, view)
    former = dict(zip(keys(then, key), then.rows, strict=True))
    found: dict[str, list[Row]] = {NEW: [], GONE: [], CHANGED: []}
    present = keys(now, key)
    for what, row in _changes(zip(present, now.rows, strict=True), former, set(present), table):
        found[what].append(row)
    rows = _ordered([(what, *row) for what, some in found.items() for row in some], now, view)
    equal = len(now.rows) - len(found[NEW]) - len(found[CHANGED])
    said = ", ".join(f"{len(some)} {what}" for what, some in found.items() if some) or "no difference"
    note = f"Since {moment}: {said}; {counted(equal, 'row')} without a difference not shown."
    notes = (note, *now.notes) if then.origin == now.origin else (note, "The server was restarted since.", *now.notes)
    return replace(now, columns=(CHANGE, *now.columns), rows=tuple(rows), notes=notes)


@dataclass(frozen=True, slots=True)
class _Differences:
    """How each column of the later reading is compared, and where it was in the earlier one."""

    compares: Sequence[_Compare]
    places: Sequence[int | None]  # in the rows of the earlier reading
    compared: Sequence[tuple[int, int]]  # where the columns are that can make a difference, then and now

    @classmethod
    def of(cls, then: Snapshot, now: Snapshot, view: View) -> _Differences:
        columns = {column.name: column for column in view.columns}
        at = {name: place for place, name in enumerate(then.columns)}
        compares = [_compare(columns.get(name), view) for name in now.columns]
        places = [at.get(name) for name in now.columns]
        pairs = [
            (place, here)
            for here, (place, compare) in enumerate(zip(places, compares, strict=True))
            if place is not None and compare is not _nothing
        ]
        return cls(compares, places, pairs)

    def changed(self, before: Row, after: Row) -> Row | None:
        """The row of differences; None: there is none."""
        if all(before[then] == after[now] for then, now in self.compared):
            return None  # as most of thousands of rows
        cells, differs = [], False
        for compare, place, value in zip(self.compares, self.places, after, strict=True):
            cell, is_other = (value, False) if place is None else compare(before[place], value)
            cells.append(cell)
            differs |= is_other
        return tuple(cells) if differs else None

    def gone(self, before: Row) -> Row:
        """The row that is no longer there, what it counted taken away."""
        found = [None if place is None else before[place] for place in self.places]
        pairs = zip(self.compares, found, strict=True)
        return tuple(-value if compare is _number and _is_number(value) else value for compare, value in pairs)


def _changes(
    now: Iterator[tuple[Key, Row]], former: Mapping[Key, Row], present: set[Key], table: _Differences
) -> Iterator[tuple[str, Row]]:
    for key, row in now:
        before = former.get(key)
        if before is None:
            yield NEW, row
        elif (changed := table.changed(before, row)) is not None:
            yield CHANGED, changed
    for key, row in former.items():
        if key not in present:
            yield GONE, table.gone(row)


def _ordered(rows: list[Row], now: Snapshot, view: View) -> list[Row]:
    """The largest difference first, if that is how the view is sorted."""
    name = view.sort.removeprefix("-")
    if name == view.sort or name not in now.columns:
        return rows
    at = now.index(name) + 1
    return sorted(rows, key=lambda row: -abs(value) if _is_number(value := row[at]) else 1)


def _column(column: Column, view: View) -> Column:
    plain = replace(column, rule=None, judged="", bar="")
    if column.name in view.key or _is_by_itself(column, view):
        return plain
    if column.format in CHANGES:
        return replace(plain, format=CHANGES[column.format])
    if column.format == "flag":
        return replace(plain, format="text", width=FLAG_WIDTH)
    return plain


def _compare(column: Column | None, view: View) -> _Compare:
    if column is None or column.name in view.key or _is_by_itself(column, view):
        return _nothing
    if column.format == "percent":
        return _percent
    if column.format in CHANGES:
        return _number
    kind, is_looked_up = column.format, any(column.name in lookup.adds for lookup in view.lookups)
    explains = column.extra  # in words, often with an age: it goes with the row and is no difference by itself

    def compare(then: object, now: object) -> tuple[object, bool]:
        if explains or (is_looked_up and (then is None or now is None)):
            return now, False
        return _text(then, now, kind)

    return compare


def _is_by_itself(column: Column, view: View) -> bool:
    """Whether it differs at any two moments, whatever has happened."""
    return column.format in BY_THEMSELVES or any(column.name == rate.name for rate in view.rates)


def _nothing(then: object, now: object) -> tuple[object, bool]:
    del then
    return now, False


def _number(then: object, now: object) -> tuple[object, bool]:
    if not _is_number(then) or not _is_number(now):
        return None, False
    change = now - then
    return change, bool(change)


def _percent(then: object, now: object) -> tuple[object, bool]:
    """Shares of a whole move a little with it: what is too little to be shown is none."""
    change, differs = _number(then, now)
    return change, differs and show(then, "percent") != show(now, "percent")


def _text(then: object, now: object, kind: str) -> tuple[object, bool]:
    if then == now:
        return (show(now, kind) if kind == "flag" else now), False
    if kind in LAST_ONLY:
        return now, True
    return f"{show(then, kind)} → {show(now, kind)}", True


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)
