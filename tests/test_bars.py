"""The bars behind numbers: how much of a cell is filled, and that they stay behind numbers."""

from __future__ import annotations

import pytest

from console.format import FORMATS
from console.model import Column, Row, Whole
from console.panes import PANES
from console.tui.bars import Bars, filled
from console.tui.layout import Placed
from console.tui.table_lines import ColumnWindow

NAN, INFINITE = float("nan"), float("inf")


@pytest.mark.parametrize(
    ("value", "whole", "width", "cells"),
    [
        (0, 100, 8, 0),
        (0.0, 100, 8, 0),
        (50, 100, 8, 4),
        (6, 100, 8, 0),  # less than half a cell
        (7, 100, 8, 1),
        (99.9, 100, 8, 7),  # full only from the whole on
        (100, 100, 8, 8),
        (101, 100, 8, 8),
        (INFINITE, 100, 8, 8),
        (None, 100, 8, 0),
        (-5, 100, 8, 0),
        (NAN, 100, 8, 0),
        (True, 1, 8, 0),
        ("5", 10, 8, 0),
        (5, None, 8, 0),
        (5, 0, 8, 0),
        (0, 0, 8, 0),
        (5, -10, 8, 0),
        (5, NAN, 8, 0),
        (5, INFINITE, 8, 0),
        (INFINITE, INFINITE, 8, 0),
        (1 << 62, 1 << 63, 8, 4),
        (0.9, 1, 1, 0),
        (1, 1, 1, 1),
        (1, 1, 0, 0),
        (0.5, 1, 0, 0),
        (0.5, 1, 2, 1),
    ],
)
def test_a_bar_fills_the_share_of_its_cell(value: object, whole: object, width: int, cells: int) -> None:
    assert filled(value, whole, width) == cells


ROWS: tuple[Row, ...] = ((10.0, 40.0), (30.0, 40.0), (None, None), (NAN, 40.0), (-40.0, 40.0))


def bars(bar: Whole | str, rows: tuple[Row, ...] = ROWS) -> list[int]:
    """The filled cells of the first column, which is 8 wide, in each row."""
    column = Column("part", "part", "count", width=8, bar=bar)
    found = Bars([(Placed(column, 2, 8), 0)], ("part", "whole"))
    found.measure(rows)
    return [found.of(row)[1] for row in rows]


def test_the_whole_is_a_column_of_the_row_or_of_all_rows() -> None:
    assert bars("whole") == [2, 6, 0, 0, 0]
    assert bars(Whole.LARGEST) == [3, 8, 0, 0, 0]
    assert bars(Whole.TOTAL) == [2, 6, 0, 0, 0]
    assert bars(Whole.HUNDRED) == [1, 2, 0, 0, 0]


def test_without_rows_or_without_the_column_of_the_whole_there_is_no_bar() -> None:
    assert bars(Whole.LARGEST, ()) == []
    assert bars(Whole.LARGEST, ((None, None), (0, 0))) == [0, 0]
    assert bars("absent") == [0] * 5
    assert bars("") == [0] * 5


def test_a_bar_changes_nothing_in_the_text_of_its_line() -> None:
    def texts(bar: Whole | str) -> list[tuple[str, ...]]:
        column = Column("part", "part", "percent", bar=bar)
        window = ColumnWindow((Placed(column, 2, 6),), ("part", "whole"), 0, 80)
        window.bars.measure(ROWS)
        return [window.line(row, False, None).texts for row in ROWS]

    assert texts("") == texts("whole") == texts(Whole.HUNDRED)


BARRED = [
    pytest.param(column, id=f"{pane.name}-{view.name}-{column.name}")
    for pane in PANES
    for view in pane.views
    for column in view.columns
    if column.bar
]


@pytest.mark.parametrize("column", BARRED)
def test_a_bar_is_behind_a_number_and_of_something(column: Column) -> None:
    assert FORMATS[column.format].right
    if column.bar is Whole.HUNDRED:
        assert column.format == "percent"
