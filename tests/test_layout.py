"""Where columns stand."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from console.model import Column, Snapshot
from console.panes.connections import CONNECTIONS
from console.tui.layout import ENOUGH, GUTTER, place, present, total_width
from console.tui.table_lines import fit

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


def test_texts_share_what_a_growing_column_has_no_use_for() -> None:
    who = Column("who", "who", "name", width=12)
    widths = {placed.column.name: placed.width for placed in place((PID, who, QUERY), GUTTER + 8 + 13 + ENOUGH)}
    assert (widths["who"], widths["query"]) == (12, ENOUGH)
    widths = {placed.column.name: placed.width for placed in place((PID, who, QUERY), 120)}
    assert widths["who"] > 12
    assert widths["query"] >= ENOUGH
    assert total_width(place((PID, who, QUERY), 120)) == 120
    assert total_width(place((PID, who, QUERY), 400)) == 400


def test_who_is_readable_at_80_columns_while_nobody_waits() -> None:
    calm = [column for column in CONNECTIONS.views[0].columns if not column.present]
    widths = {placed.column.name: placed.width for placed in place(calm, 80)}
    assert widths["who"] >= len("pipeline-workload")
    assert widths["query"] >= ENOUGH


@pytest.mark.parametrize(("values", "names"), [((None, None), ["pid"]), ((None, "Lock"), ["pid", "wait"])])
def test_a_column_that_waits_for_values_takes_no_room_without_one(values: tuple[object, ...], names: list[str]) -> None:
    wait = Column("wait", "wait", width=9, present=True)
    rows = tuple((at, value) for at, value in enumerate(values))
    snapshot = Snapshot("sessions", ("pid", "wait"), rows, datetime(2026, 1, 1, tzinfo=UTC))
    assert [column.name for column in present((PID, wait), snapshot)] == names


@pytest.mark.parametrize(
    ("text", "width", "end", "shown"),
    [
        ("orders", 8, 1 / 2, "orders  "),
        ("content_analytics_2026_11", 12, 1 / 2, "conte…026_11"),
        ("content_analytics_2026_11", 12, 2 / 3, "con…_2026_11"),
        ("content_analytics_2026_11", 12, 0, "content_ana…"),
        ("content_analytics", 4, 1 / 2, "con…"),
        ("x" * 13, 12, 1 / 2, "xxxxx…xxxxxx"),
        ("データベース_2026", 9, 1 / 2, "デー…2026"),
        ("ab", 1, 1 / 2, "a"),
    ],
)
def test_a_name_is_cut_in_the_middle(text: str, width: int, end: float, shown: str) -> None:
    assert fit(text, width, right=False, end=end) == shown
