"""Filter and order: which rows of a snapshot are shown, and in which order. Pure."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date, datetime

from console.format import show
from console.model import Column, Row, Snapshot, View
from console.reading.reader import only

_COMPARISON = re.compile(r"^(?P<column>[\w%]+)(?P<operator>>=|<=|!=|=|>|<)(?P<value>.*)$")
_OPERATORS: dict[str, Callable[[float, float], bool]] = {
    ">": operator.gt,
    "<": operator.lt,
    ">=": operator.ge,
    "<=": operator.le,
    "=": operator.eq,
    "!=": operator.ne,
}

Test = Callable[[Row], bool]


def arrange(snapshot: Snapshot, view: View, sort: str = "", filter_text: str = "") -> Snapshot:
    """The rows of `view` that match `filter_text`, ordered by `sort` (a column, "-" in front for descending).

    A filter is words that must all be found in what a row shows; `!word` must not be; `column=text`, `column>number`
    look at one column's raw value.
    """
    chosen = only(snapshot, view)
    if tests := filter_tests(chosen, view.columns, filter_text):
        chosen = replace(chosen, rows=tuple(row for row in chosen.rows if all(test(row) for test in tests)))
    name = sort.removeprefix("-")
    if not name or name not in chosen.columns:
        return chosen
    return replace(chosen, rows=tuple(sort_rows(chosen.rows, chosen.index(name), descending=sort.startswith("-"))))


def sort_rows(rows: Sequence[Row], at: int, descending: bool) -> list[Row]:
    """Rows by the value at position `at`; rows without one come last whatever the direction."""
    present = [row for row in rows if row[at] is not None]
    absent = [row for row in rows if row[at] is None]
    present.sort(key=lambda row: sort_key(row[at]), reverse=descending)
    return present + absent


def sort_key(value: object) -> tuple[int, object]:
    """Numbers by size, times by time, all else by its text without case; kinds are never compared."""
    if isinstance(value, int | float):
        return (0, float(value))
    if isinstance(value, datetime):
        return (1, value.timestamp())
    if isinstance(value, date):
        return (1, float(value.toordinal()) * 86400)
    if isinstance(value, list | tuple):
        return (2, len(value))
    number = getattr(value, "total_seconds", None)
    return (0, number()) if number else (3, str(value).casefold())


def filter_tests(snapshot: Snapshot, columns: Sequence[Column], text: str) -> list[Test]:
    """One test for each word of a filter."""
    shown = [(snapshot.index(column.name), column.format) for column in columns if column.name in snapshot.columns]
    return [_test(snapshot, shown, word) for word in text.split()]


def _test(snapshot: Snapshot, shown: Sequence[tuple[int, str]], word: str) -> Test:
    match = _COMPARISON.match(word)
    if match and match["column"] in snapshot.columns:
        return _compare(snapshot.index(match["column"]), match["operator"], match["value"])
    wanted, sought = not word.startswith("!"), word.removeprefix("!").casefold()
    return lambda row: any(sought in show(row[at], kind).casefold() for at, kind in shown) is wanted


def _compare(at: int, sign: str, value: str) -> Test:
    try:
        number = float(value)
    except ValueError:
        sought, equal = value.casefold(), sign != "!="
        return lambda row: (sought in str(row[at]).casefold()) is equal
    compare = _OPERATORS[sign]
    return lambda row: isinstance(row[at], int | float) and compare(float(row[at]), number)  # type: ignore[arg-type]
