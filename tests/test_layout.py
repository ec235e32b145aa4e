"""Where columns stand."""

from __future__ import annotations

from console.model import Column
from console.tui.layout import GUTTER, place, total_width

PID = Column("pid", "pid", "count", width=7)
QUERY = Column("query", "query", "query", width=14, grow=True)
USER = Column("user", "user", "name", width=16, extra=True)
CLIENT = Column("client", "client", "name", width=15, extra=True)


def order(columns: tuple[Column, ...], width: int) -> list[str]:
    return [placed.column.name for placed in place(columns, width)]


def test_the_growing_column_takes_what_is_left() -> None:
    placed = place((PID, QUERY), 80)
    assert total_width(placed) == 80
    assert placed[1].width == 80 - GUTTER - 7 - 1


def test_extras_stay_beyond_a_narrow_screen_and_come_in_front_of_the_query_on_a_wide_one() -> None:
    columns = (PID, QUERY, USER, CLIENT)
    assert order(columns, 60) == ["pid", "query", "user", "client"]
    assert total_width(place(columns, 60)) > 60
    assert order(columns, 70) == ["pid", "user", "query", "client"]
    assert order(columns, 200) == ["pid", "user", "client", "query"]
    assert total_width(place(columns, 200)) == 200


def test_a_growing_column_in_front_stays_in_front() -> None:
    table = Column("table", "table", "name", width=14, grow=True)
    assert order((table, PID, USER), 200) == ["table", "pid", "user"]
