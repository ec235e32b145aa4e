"""Filters: which rows match what a user typed. Pure.

A filter is words separated by spaces, which must all match: `word` is found in what a row shows, `!word` is not, and
`column=value` looks at one column. Double quotes hold spaces and operators together: `"idle in transaction"`,
`"xmin age">1000`. A column is called by its header or its field name.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from console.format import safe, show
from console.model import Column, Kind, Record, Row, Snapshot, Trouble, View

NO_MATCH = "No row matches the filter."
HELP = "words, !word, column=value, !=, <, >, ~ regular expression; units as shown (size>1MB); quotes hold spaces"

Test = Callable[[Row], bool]
Matches = Callable[[object], bool]  # of the value in one column

_WORD = re.compile(r'(?:"[^"]*"|\S)+')
_COMPARISON = re.compile(
    r'(?:"(?P<quoted>[^"]+)"|(?P<column>[^\W\d][^\s"<>=!~]*))(?P<sign>>=|<=|!=|=|>|<|~)(?P<value>.*)', re.DOTALL
)
_QUANTITY = re.compile(r"\s*(?P<number>[-+]?(?:\d+\.?\d*|\.\d+))\s*(?P<unit>[^\d\s]*)\s*")
_SIGNS: Mapping[str, Callable[[float, float], bool]] = {
    ">": operator.gt,
    "<": operator.lt,
    ">=": operator.ge,
    "<=": operator.le,
}
_BYTES = {prefix: 1024.0**power for power, prefix in enumerate(("", "k", "m", "g", "t", "p", "e"))}
_SIZES = {f"{prefix}{end}": factor for prefix, factor in _BYTES.items() for end in ("", "b", "ib")}
_COUNTS = {"": 1.0, "k": 1e3, "m": 1e6, "g": 1e9, "t": 1e12, "p": 1e15, "e": 1e18}
_SECONDS = {"us": 1e-6, "µs".casefold(): 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
_UNITS: Mapping[str, Mapping[str, float]] = {  # of each format, as factors of its raw value
    "size": _SIZES,
    "size_rate": _SIZES | {f"{unit}/s": factor for unit, factor in _SIZES.items()},
    "age": {"": 1.0, **_SECONDS},
    "ms": {"": 1.0, **{unit: 1000 * factor for unit, factor in _SECONDS.items()}},
    "percent": {"": 1.0, "%": 1.0},
}
_EXAMPLES = {"size": ">10MB", "size_rate": ">1MB/s", "age": ">30s", "ms": ">5ms", "time": ">2026-01-31"}


def filter_tests(snapshot: Snapshot, view: View, text: str) -> list[Test]:
    """One test for each word of a filter.

    Raises Trouble(USAGE) for a column that the view does not have and for a value that cannot be compared with it.
    """
    shown = [(snapshot.index(column.name), column.format) for column in view.columns if column.name in snapshot.columns]
    return [_test(snapshot, view, shown, match[0]) for match in _WORD.finditer(text)]


def filter_for(row: Record, columns: Sequence[str]) -> str:
    """The filter for the rows that have the values of `row` in `columns`.

    A value with a double quote, which no filter can contain, is not compared.
    """
    values = ((column, "" if row[column] is None else str(row[column])) for column in columns)
    return " ".join(f'{column}="{value}"' for column, value in values if '"' not in value)


def column_called(snapshot: Snapshot, view: View, name: str) -> str:
    """The field name of a column that is called by its header or field name. Raises Trouble(USAGE) with the columns."""
    if name in snapshot.columns:
        return name
    titles = {_plain(column.title): column.name for column in reversed(view.columns)}
    fields = {_plain(field): field for field in snapshot.columns}
    found = titles.get(_plain(name)) or fields.get(_plain(name))
    if found in snapshot.columns:
        return str(found)
    raise Trouble(Kind.USAGE, f"There is no column {safe(name, 80)}.", f"Columns: {_listed(snapshot, view)}.")


def _test(snapshot: Snapshot, view: View, shown: Sequence[tuple[int, str]], word: str) -> Test:
    if match := _COMPARISON.fullmatch(word):
        name = column_called(snapshot, view, match["quoted"] or match["column"])
        column = next((column for column in view.columns if column.name == name), Column(name, name))
        at, matches = snapshot.index(name), _matches(column, match["sign"], match["value"].strip('"'))
        return lambda row: matches(row[at])
    wanted, sought = not word.startswith("!"), word.removeprefix("!").strip('"').casefold()
    return lambda row: any(sought in show(row[at], kind).casefold() for at, kind in shown) is wanted


def _matches(column: Column, comparison: str, value: str) -> Matches:
    if comparison == "~":
        return _like(column, value)
    if comparison in _SIGNS:
        return _ordered(column, comparison, value)
    equal = _equal(column, value)
    return equal if comparison == "=" else lambda cell: not equal(cell)


def _like(column: Column, value: str) -> Matches:
    try:
        pattern = re.compile(value, re.IGNORECASE)
    except re.error as error:
        why = f"{safe(value, 80)} is not a regular expression: {error}."
        raise Trouble(Kind.USAGE, why, "A backslash makes a special character an ordinary one.") from None
    return lambda cell: any(pattern.search(text) for text in _texts(column, cell))


def _equal(column: Column, value: str) -> Matches:
    sought, number = value.casefold(), _quantity(column, value)

    def equal(cell: object) -> bool:
        if number is not None and (found := _number(cell)) is not None and found == number:
            return True
        return sought in (text.casefold() for text in _texts(column, cell))

    return equal


def _ordered(column: Column, comparison: str, value: str) -> Matches:
    limit, compare = _quantity(column, value), _SIGNS[comparison]
    if limit is None:
        example = f"{_plain(column.title) or column.name}{_EXAMPLES.get(column.format, '>10')}"
        why = f"{safe(value, 80) or 'Nothing'} cannot be compared with {column.title}."
        raise Trouble(Kind.USAGE, why, f"Write it like {example}.")
    return lambda cell: (found := _number(cell)) is not None and compare(found, limit)


def _quantity(column: Column, value: str) -> float | None:
    """The raw value that `value` means in the units of a column; None if it is not a quantity."""
    if column.format == "time":
        return _moment(value)
    match = _QUANTITY.fullmatch(value)
    factor = _UNITS.get(column.format, _COUNTS).get(match["unit"].casefold()) if match else None
    return None if match is None or factor is None else float(match["number"]) * factor


def _moment(value: str) -> float | None:
    try:
        found = datetime.fromisoformat(value.strip())
    except ValueError:
        return None
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()


def _number(cell: object) -> float | None:
    if isinstance(cell, bool):
        return None
    if isinstance(cell, int | float | Decimal):
        return float(cell)
    if isinstance(cell, timedelta):
        return cell.total_seconds()
    if isinstance(cell, datetime):
        return (cell if cell.tzinfo else cell.replace(tzinfo=UTC)).timestamp()
    return datetime(cell.year, cell.month, cell.day, tzinfo=UTC).timestamp() if isinstance(cell, date) else None


def _texts(column: Column, cell: object) -> list[str]:
    """The texts that match a cell: as shown, as read, each element of a list; none for a missing value."""
    if cell is None:
        return [""]
    elements = [str(element) for element in cell] if isinstance(cell, list | tuple) else []
    return [show(cell, column.format), str(cell), *elements]


def _plain(name: str) -> str:
    """A header or field name without case, spaces and underscores."""
    return re.sub(r"[\s_-]", "", name.casefold())


def _listed(snapshot: Snapshot, view: View) -> str:
    columns = [column for column in view.columns if column.name in snapshot.columns]
    return ", ".join(
        column.title if _plain(column.title) == _plain(column.name) else f"{column.title} ({column.name})"
        for column in columns
    )
