"""What differs in a view between two moments: rows that came, went or changed, numbers as differences. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TypeGuard

from console.format import CHANGES, FORMATS, counted, one_line, show
from console.model import Column, Row, Snapshot, View
from console.reading.reader import Key, keys, only
from console.records import dataclass

CHANGE, WHAT = "difference", "what_differs"
NEW, GONE, CHANGED = "new", "gone", "changed"
BY_THEMSELVES = frozenset({"age", "size_rate"})  # formats of what changes without anything having happened
LAST_ONLY = frozenset({"query", "time"})  # formats with no room for both values
NAMES = frozenset({"name", "relation", "setting", "id"})  # formats that say what a row is about
SEVERAL = 16  # cells of each name, where several say what a row is about
FLAG_WIDTH = 8  # cells: no → yes
_HELP = "new: it was not there at the mark; gone: it is no longer there; changed: another value than at the mark"
_WHAT_HELP = "What is not as it was at the mark; of a row that is new or gone, what it says."

_DIGITS = frozenset("123456789")  # a number without any of them is shown as none
_Rows = Mapping[Key, Row]
_Compare = Callable[[object, object], tuple[object, bool]]  # then, now → what the cell shows, whether it differs


def differing(view: View) -> View:
    """The view as it shows differences: its columns without limits and bars, after one that says what happened.

    Where texts can differ, another one says what differs, and the columns of values follow as far as they fit: two
    values seldom fit into a column that is made for one.
    """
    first = Column(CHANGE, "Change", width=7, help=_HELP)
    columns = tuple(_column(column, view) for column in view.columns)
    return replace(
        view,
        columns=(first, *(_with_what(columns, view) if _has_texts(view) else columns)),
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


def difference(
    then: Snapshot, now: Snapshot, view: View, moment: str, alike: tuple[Snapshot, Snapshot] | None = None
) -> Snapshot:
    """The rows that are not as they were: numbers minus what they were, texts as "before → after".

    `view` is the one that both were read for, `moment` the name of the earlier one. Rates and ages are those of now
    and make no difference, as they change without anything having happened; nor does what was looked up only once.
    Where the view has the largest number first, the largest difference is; else rows that came, then those that went.
    `alike` is both made of what is known of both moments: it decides what differs, `then` and `now` are shown.
    """
    known, then, now = now.rows, only(then, view), only(now, view)
    key = [column for column in view.key if column in now.columns and column in then.columns]
    before, after = (only(alike[0], view), only(alike[1], view)) if alike else (then, now)
    table = _Differences.of(before, after, view)
    shown = None if alike is None else (_by_key(then, key), _by_key(replace(now, rows=known), key))
    found: dict[str, list[Row]] = {NEW: [], GONE: [], CHANGED: []}
    for what, row in _changes(_by_key(before, key), _by_key(after, key), table, shown):
        found[what].append(row)
    rows = _ordered([(what, *row) for what, some in found.items() for row in some], now, view)
    equal = len(now.rows) - len(found[NEW]) - len(found[CHANGED])
    said = ", ".join(f"{len(some)} {what}" for what, some in found.items() if some) or "no difference"
    note = f"Since {moment}: {said}; {counted(equal, 'row')} without a difference not shown."
    notes = (note, *now.notes) if then.origin == now.origin else (note, "The server was restarted since.", *now.notes)
    return replace(now, columns=(CHANGE, WHAT, *now.columns), rows=tuple(rows), notes=notes)


@dataclass(frozen=True, slots=True)
class _Differences:
    """How each column of the later reading is compared, and where it was in the earlier one."""

    compares: Sequence[_Compare]
    places: Sequence[int | None]  # in the rows of the earlier reading
    compared: Sequence[tuple[int, int]]  # where the columns are that can make a difference, then and now
    listed: Sequence[tuple[int, Column]]  # the columns that are named where they differ, and where they are now
    renamed: Sequence[tuple[int, Column]]  # what a row is about, without being what it is matched by
    made: Mapping[int, Sequence[tuple[int, int]]]  # for columns with made_of, where these are, then and now

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
        here = {name: place for place, name in enumerate(now.columns)}
        listed = [(here[each.name], each) for each in _listed(view) if each.name in here]
        subjects = _subjects(view) - set(view.key)
        renamed = [(here[name], columns[name]) for name in now.columns if name in subjects]
        made = {
            here[column.name]: parts
            for column in view.columns
            if column.name in here
            and (parts := [(at[name], here[name]) for name in column.made_of if name in at and name in here])
        }
        return cls(compares, places, pairs, listed, renamed, made)

    def changed(self, before: Row, after: Row, shown: Row) -> Row | None:
        """The row of differences, after what differs in words; None: there is none. The rest is as in `shown`."""
        if all(before[then] == after[now] for then, now in self.compared):
            return None  # as most of thousands of rows
        cells: list[object] = []
        others: set[int] = set()
        same = {at for at, parts in self.made.items() if all(before[then] == after[now] for then, now in parts)}
        for compare, place, value, now in zip(self.compares, self.places, after, shown, strict=True):
            cell, is_other = (value, False) if place is None else compare(before[place], value)
            if is_other and len(cells) in same:
                cell, is_other = value, False
            if is_other:
                others.add(len(cells))
            cells.append(cell if is_other or cell is not value else now)
        return (self._said(cells, others, before), *cells) if others else None

    def new(self, after: Row) -> Row:
        """The row that was not there, after what it says."""
        return (self._said(after), *after)

    def gone(self, before: Row) -> Row:
        """The row that is no longer there, what it counted taken away, after what it said."""
        found = [None if place is None else before[place] for place in self.places]
        pairs = zip(self.compares, found, strict=True)
        row = tuple(-value if compare in _NUMERIC and _is_number(value) else value for compare, value in pairs)
        return (self._said(row), *row)

    def _said(self, row: Sequence[object], others: Collection[int] | None = None, before: Row = ()) -> str | None:
        """What the columns of a row say; with `others`, which places differ from those `before`, only those."""
        parts = [
            f"{column.title} {_shown(row[at], column)}"
            for at, column in self.listed
            if (row[at] is not None if others is None else at in others) and (row[at] is False or row[at] != 0)
        ]
        for at, column in self.renamed:
            if others is not None and at in others and (then := self.places[at]) is not None:
                is_last = column.format in LAST_ONLY
                parts.append(f"{column.title} {f'was {_shown(before[then], column)}' if is_last else row[at]}")
        return "; ".join(parts) or None


def _shown(value: object, column: Column) -> str:
    """A cell; where it holds both values, it is a text already."""
    if isinstance(value, str):
        return one_line(value)
    return show(value, "flag" if isinstance(value, bool) else column.format)


def _by_key(snapshot: Snapshot, key: Sequence[str]) -> _Rows:
    return dict(zip(keys(snapshot, key), snapshot.rows, strict=True))


def _changes(
    then: _Rows, now: _Rows, table: _Differences, shown: tuple[_Rows, _Rows] | None
) -> Iterator[tuple[str, Row]]:
    """What happened to each row, and the row; `shown` has the rows of both moments as they are shown."""
    shown_then, shown_now = shown or (then, now)
    for key, row in now.items():
        before = then.get(key)
        if before is None:
            yield NEW, table.new(shown_now.get(key, row))
        elif (changed := table.changed(before, row, shown_now.get(key, row))) is not None:
            yield CHANGED, changed
    for key, row in then.items():
        if key not in now:
            yield GONE, table.gone(shown_then.get(key, row))


def _ordered(rows: list[Row], now: Snapshot, view: View) -> list[Row]:
    """The largest difference first, if that is how the view is sorted."""
    name = view.sort.removeprefix("-")
    if name == view.sort or name not in now.columns:
        return rows
    at = now.index(name) + 2
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
        return _COUNTED[column.format]
    kind, is_looked_up = column.format, any(column.name in lookup.adds for lookup in view.lookups)
    explains = column.extra or column.explains  # it goes with the row and is no difference by itself

    def compare(then: object, now: object) -> tuple[object, bool]:
        if explains or (is_looked_up and (then is None or now is None)):
            return now, False
        return _text(then, now, kind)

    return compare


def _with_what(columns: Sequence[Column], view: View) -> Iterator[Column]:
    """What a row is about, what differs in it, and the rest where there is room."""
    subjects = _subjects(view)
    for column in columns:
        if column.name in subjects:
            width = column.width or FORMATS[column.format].width
            yield replace(column, grow=False, width=width if len(subjects) == 1 else min(width, SEVERAL))
    yield Column(WHAT, "what differs", "query", width=20, grow=True, help=_WHAT_HELP)
    yield from (replace(column, grow=False, extra=True) for column in columns if column.name not in subjects)


def _subjects(view: View) -> frozenset[str]:
    """The columns that say what a row is about: names and keys, else a text."""
    wanted = [column for column in view.columns if not column.extra]
    names = frozenset(column.name for column in wanted if column.format in NAMES or column.name in view.key)
    return names or frozenset(column.name for column in wanted if column.format == "query")


def _has_texts(view: View) -> bool:
    """Whether a column holds texts that can differ, which two values of are longer than a column is wide."""
    return any(not _is_counted(column) and column.format != "query" for column in _listed(view))


def _listed(view: View) -> Iterator[Column]:
    """The columns that are named where they differ."""
    subjects = _subjects(view)
    for column in view.columns:
        if _is_named(column) and column.name not in subjects and not _is_by_itself(column, view):
            yield _column(column, view)


def _is_named(column: Column) -> bool:
    return bool(column.title) and not column.extra and not column.explains


def _is_counted(column: Column) -> bool:
    return column.format in CHANGES or column.format == "percent"


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


def _counted(kind: str) -> _Compare:
    """Numbers of a format: a difference that it shows as none is none, as when a term is a second nearer."""

    def compare(then: object, now: object) -> tuple[object, bool]:
        change, differs = _number(then, now)
        return change, differs and not _DIGITS.isdisjoint(show(change, CHANGES[kind]))

    return compare


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


_COUNTED: Mapping[str, _Compare] = {kind: _counted(kind) for kind in CHANGES}
_NUMERIC = frozenset({_percent, *_COUNTED.values()})


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)
