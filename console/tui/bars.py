"""The bars behind the numbers of a table: how many cells of each cell's own width are filled. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import isfinite

from console.model import Column, Row, Whole, number
from console.records import dataclass
from console.tui.layout import Placed


@dataclass(frozen=True, slots=True)
class _Bar:
    """The bar of one column."""

    cell: int  # its position in the line
    at: int  # of the value in the row
    width: int  # in cells
    whole: float  # what is the full width
    whole_at: int | None  # where the row itself has that


class Bars:
    """The bars of the columns in a window."""

    __slots__ = ("_bars", "_cells", "_columns", "_none")

    def __init__(self, cells: Sequence[tuple[Placed, int]], columns: Sequence[str]) -> None:
        """`cells` are the columns in the window with the positions of their values in rows of `columns`."""
        self._cells = [(n, placed, at) for n, (placed, at) in enumerate(cells, 1) if has_bar(placed.column, columns)]
        self._columns = columns
        self._bars: list[_Bar] = []
        self._none = (0,) * (len(cells) + 1)
        self.measure(())

    def measure(self, rows: Sequence[Row]) -> None:
        """Find what is the full width of each bar for these rows."""
        self._bars = [self._bar(cell, placed, at, rows) for cell, placed, at in self._cells]

    def _bar(self, cell: int, placed: Placed, at: int, rows: Sequence[Row]) -> _Bar:
        bar = placed.column.bar
        if isinstance(bar, str):
            return _Bar(cell, at, placed.width, 0.0, self._columns.index(bar))
        return _Bar(cell, at, placed.width, _whole(bar, (row[at] for row in rows)), None)

    def of(self, row: Row) -> tuple[int, ...]:
        """How many cells of each cell of a line are filled, the gutter first."""
        if not self._bars:
            return self._none
        cells = list(self._none)
        for bar in self._bars:
            whole = bar.whole if bar.whole_at is None else row[bar.whole_at]
            cells[bar.cell] = filled(row[bar.at], whole, bar.width)
        return tuple(cells)


def has_bar(column: Column, columns: Sequence[str]) -> bool:
    """Whether cells of `column` have a bar in rows of `columns`."""
    return isinstance(column.bar, Whole) or column.bar in columns


def filled(value: object, whole: object, width: int) -> int:
    """How many of `width` cells show the share that `value` is of `whole`.

    All of them only from the whole on, none for what is not a share of anything: no number, NaN, a negative one.
    """
    part, full = number(value), number(whole)
    if not (part > 0 and full > 0 and isfinite(full)):
        return 0
    return width if part >= full else max(0, min(int(part / full * width + 0.5), width - 1))


def _whole(whole: Whole, values: Iterable[object]) -> float:
    if whole is Whole.HUNDRED:
        return 100.0
    numbers = [value for value in values if isinstance(value, int | float) and value > 0]
    return sum(numbers) if whole is Whole.TOTAL else max(numbers, default=0.0)
