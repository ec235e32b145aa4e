"""The table paints only what changed, and keeps its place."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from rich.cells import cell_len
from rich.segment import Segment
from textual.app import App, ComposeResult
from textual.color import Color
from textual.geometry import Region

from console.model import Column, Level, Row, Rule, Snapshot, Whole, above
from console.tui.layout import Placed
from console.tui.live_table import LiveTable
from console.tui.table_lines import ColumnWindow, RowLine, fit
from console.tui.table_styles import TableStyles

AGE = Rule("age", "An age", "s", above(60, 300), ("q",))
COLUMNS = (
    Column("pid", "pid", "count", width=7),
    Column("age", "age", "age", rule=AGE),
    Column("query", "query", "query", grow=True),
)


def snapshot(*rows: Row) -> Snapshot:
    return Snapshot("q", ("pid", "age", "query"), rows, datetime(2026, 1, 1, tzinfo=UTC))


class Bench(App[None]):
    def compose(self) -> ComposeResult:
        yield LiveTable(COLUMNS)


def record_repaints(table: LiveTable) -> list[Region]:
    """What the table asks to be painted from now on."""
    regions: list[Region] = []
    original = table.refresh

    def refresh(*asked: Region, **options: bool) -> LiveTable:
        regions.extend(asked or (table.size.region,))
        return original(*asked, **options)

    table.refresh = refresh  # type: ignore[method-assign]
    return regions


ROWS: tuple[Row, ...] = tuple((pid, 1.0, f"SELECT {pid}") for pid in range(100, 400))


async def test_values_are_formatted_once_and_only_when_they_change(monkeypatch: pytest.MonkeyPatch) -> None:
    formatted: list[str] = []

    def counted(text: str, *how: Any) -> str:
        formatted.append(text)
        return fit(text, *how)

    app = Bench()
    async with app.run_test(size=(80, 24)) as pilot:
        table = app.query_one(LiveTable)
        table.show(snapshot(*ROWS), COLUMNS, ("pid",))
        await pilot.pause()
        monkeypatch.setattr("console.tui.table_lines.fit", counted)
        table.show(snapshot(*ROWS), COLUMNS, ("pid",))
        table.show(snapshot(*reversed(ROWS[:20]), *ROWS[20:]), COLUMNS, ("pid",))  # in another order
        assert formatted == []
        table.show(snapshot((100, 2.5, "SELECT 100"), *ROWS[1:]), COLUMNS, ("pid",))
        assert formatted == ["2.5s"]


async def test_lines_that_stay_are_not_made_again(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[RowLine] = []
    segments = TableStyles.segments

    def counted(styles: TableStyles, line: RowLine, *how: Any) -> list[Segment]:
        made.append(line)
        return segments(styles, line, *how)

    app = Bench()
    async with app.run_test(size=(80, 24)) as pilot:
        table = app.query_one(LiveTable)
        table.show(snapshot(*ROWS), COLUMNS, ("pid",))
        await pilot.pause()
        monkeypatch.setattr(TableStyles, "segments", counted)
        table.show(snapshot(*ROWS[:2], (102, 2.5, "SELECT 102"), *ROWS[3:]), COLUMNS, ("pid",))
        app.screen._compositor.render_strips()
        assert [line.row[0] for line in made] == [102]


WIDE = "数据库の終わり — ünïcode 🐘 "


@pytest.mark.parametrize("width", [20, 41, 80])
@pytest.mark.parametrize("scrolled", [0, 7, 16])
@pytest.mark.parametrize("query", ["SELECT 1", WIDE * 9, "x" * 500])
async def test_every_line_is_as_wide_as_the_table(width: int, scrolled: int, query: str) -> None:
    columns = (*COLUMNS, Column("query", "again", "query", width=60, extra=True))
    app = Bench()
    async with app.run_test(size=(width, 10)) as pilot:
        table = app.query_one(LiveTable)
        table.show(snapshot((1, 400.0, query), (2, 1.0, query)), columns, ("pid",))
        table.scroll_to(x=scrolled, animate=False)
        await pilot.pause()
        for y in range(10):
            strip = table.render_line(y)
            assert sum(cell_len(segment.text) for segment in strip) == strip.cell_length == width


async def test_a_refresh_repaints_the_cells_that_changed_and_no_others() -> None:
    app = Bench()
    async with app.run_test(size=(80, 24)) as pilot:
        table = app.query_one(LiveTable)
        table.show(snapshot(*ROWS), COLUMNS, ("pid",))
        await pilot.pause()
        regions = record_repaints(table)
        table.show(snapshot(*ROWS), COLUMNS, ("pid",))
        assert regions == []
        changed = (*ROWS[:2], (102, 2.5, "SELECT 102"), *ROWS[3:200], (300, 9.0, "far below the screen"), *ROWS[201:])
        table.show(snapshot(*changed), COLUMNS, ("pid",))
        assert [(region.y, region.x, region.width) for region in regions] == [(3, 10, 6)]


async def test_a_line_that_did_not_change_is_not_rendered_again() -> None:
    app = Bench()
    async with app.run_test(size=(80, 24)) as pilot:
        table = app.query_one(LiveTable)
        table.show(snapshot(*ROWS), COLUMNS, ("pid",))
        await pilot.pause()
        before = [table.render_line(y) for y in range(1, 20)]
        table.show(snapshot(*ROWS[:2], (102, 2.5, "SELECT 102"), *ROWS[3:]), COLUMNS, ("pid",))
        table.action_move(1)
        await pilot.pause()
        after = [table.render_line(y) for y in range(1, 20)]
        assert [y for y, (old, new) in enumerate(zip(before, after, strict=True)) if old is not new] == [0, 1, 2]


async def test_the_cursor_and_the_scrolled_place_stay_with_their_row() -> None:
    app = Bench()
    async with app.run_test(size=(80, 24)) as pilot:
        table = app.query_one(LiveTable)
        table.show(snapshot(*ROWS), COLUMNS, ("pid",))
        await pilot.pause()
        table.move_to(150)
        await pilot.pause()
        key, on_screen_at = table.cursor_key, table.cursor - table.scroll_offset.y
        table.show(snapshot(*[(pid, 0.0, "new") for pid in range(50, 60)], *ROWS), COLUMNS, ("pid",))
        await pilot.pause()
        assert table.cursor_key == key
        assert table.cursor - table.scroll_offset.y == on_screen_at


async def test_the_cursor_is_on_a_critical_row_or_on_top_until_it_is_moved() -> None:
    app = Bench()
    async with app.run_test(size=(80, 24)) as pilot:
        table = app.query_one(LiveTable)
        table.show(snapshot(*ROWS), COLUMNS, ("pid",))
        assert table.cursor == 0
        alarm = (*ROWS[:150], (250, 1e9, "slow"), *ROWS[151:])
        table.show(snapshot(*alarm[:200], (300, 61.0, "only a warning"), *alarm[201:]), COLUMNS, ("pid",))
        await pilot.pause()
        assert table.cursor_key == (250,)
        assert (250,) in table.visible_keys
        table.show(snapshot(*ROWS), COLUMNS, ("pid",))
        await pilot.pause()
        assert (table.cursor, table.scroll_offset.y) == (0, 0)
        table.move_to(3)
        table.show(snapshot(*alarm), COLUMNS, ("pid",))
        assert table.cursor == 3
        table.show(snapshot(*ROWS[:200], (300, 61.0, "a warning"), *ROWS[201:]), COLUMNS, ("pid",))
        assert table.cursor == 3
        table.seek_worst()
        assert table.cursor_key == (300,)


@pytest.mark.parametrize(
    ("rows", "key", "why"),
    [
        ([(9, 400.0), (1, 301.0), (2, 5.0)], 1, "another critical row is above it"),
        ([(2, 70.0), (3, 5.0), (1, 4.0)], 1, "no row is critical, and it is on the first page"),
        ([(2, 400.0), (3, 5.0), (1, 4.0)], 2, "another row is worse"),
        ([(9, 1.0), (2, 400.0)], 2, "it has gone"),
        ([(9, 1.0), (2, 2.0)], 9, "it has gone, and no row is critical"),
        ([*((pid, 1.0) for pid in range(50, 90)), (1, 1.0)], 50, "it is not on the screen any more"),
    ],
)
async def test_a_cursor_that_was_not_moved_stays_on_its_row_while_no_other_is_worse(
    rows: list[tuple[int, float]], key: int, why: str
) -> None:
    app = Bench()
    async with app.run_test(size=(80, 24)) as pilot:
        table = app.query_one(LiveTable)
        table.show(snapshot((1, 302.0, "a"), (2, 5.0, "b")), COLUMNS, ("pid",), "-age")
        await pilot.pause()
        table.show(snapshot(*((pid, age, "c") for pid, age in rows)), COLUMNS, ("pid",), "-age")
        assert table.cursor_key == (key,), why


@pytest.mark.parametrize(("age", "sort", "key"), [(5.0, "-age", 1), (None, "-age", 2), (5.0, "pid", 2)])
async def test_it_goes_to_the_top_when_the_order_of_rows_becomes_known_or_another(
    age: float | None, sort: str, key: int
) -> None:
    app = Bench()
    async with app.run_test(size=(80, 24)) as pilot:
        table = app.query_one(LiveTable)
        table.show(snapshot((1, age, "a"), (2, age, "b")), COLUMNS, ("pid",), "-age")
        await pilot.pause()
        table.show(snapshot((2, 6.0, "b"), (1, 5.0, "a")), COLUMNS, ("pid",), sort)
        assert table.cursor_key == (key,)


async def test_the_cursor_takes_the_neighbour_when_its_row_is_gone() -> None:
    app = Bench()
    async with app.run_test(size=(80, 24)):
        table = app.query_one(LiveTable)
        table.show(snapshot(*ROWS[:3]), COLUMNS, ("pid",))
        table.move_to(2)
        table.show(snapshot(*ROWS[:2]), COLUMNS, ("pid",))
        assert table.cursor_key == (101,)
        table.show(snapshot(), COLUMNS, ("pid",))
        assert table.cursor_key is None


async def test_severity_is_a_mark_and_not_only_a_colour() -> None:
    app = Bench()
    async with app.run_test(size=(80, 24)) as pilot:
        table = app.query_one(LiveTable)
        table.show(snapshot((1, 5.0, "a"), (2, 70.0, "b"), (3, 400.0, "c")), COLUMNS, ("pid",))
        await pilot.pause()
        gutters = [table.render_line(y).text[:2] for y in (1, 2, 3)]
        assert gutters == ["  ", "! ", "!!"]
        assert Level.CRITICAL > Level.WARNING


async def test_wide_characters_keep_the_columns_in_line() -> None:
    app = Bench()
    async with app.run_test(size=(80, 24)) as pilot:
        table = app.query_one(LiveTable)
        table.show(snapshot((1, 5.0, "東京" * 60), (2, 5.0, "b")), COLUMNS, ("pid",))
        await pilot.pause()
        assert {table.render_line(y).cell_length for y in (0, 1, 2)} == {80}


async def test_another_view_of_other_columns_takes_the_same_table() -> None:
    app = Bench()
    async with app.run_test(size=(80, 24)) as pilot:
        table = app.query_one(LiveTable)
        table.show(snapshot(*ROWS), COLUMNS, ("pid",))
        other = Snapshot("r", ("name",), (("only",),), datetime(2026, 1, 1, tzinfo=UTC))
        table.show(other, (Column("name", "name", "name"),), ("name",))
        await pilot.pause()
        assert "only" in table.render_line(1).text
        table.show(replace(other, rows=()), (Column("name", "name", "name"),), ("name",), stale=True)
        await pilot.pause()
        assert table.render_line(1).text.strip() == ""


async def test_columns_beyond_the_window_come_by_scrolling_and_their_severity_is_marked_before() -> None:
    names = tuple(f"c{n}" for n in range(12))
    columns = (*(Column(name, name, "name", width=12) for name in names), Column("age", "age", "age", rule=AGE))
    wide = Snapshot("w", (*names, "age"), (("a", *names[1:], 70.0),), datetime(2026, 1, 1, tzinfo=UTC))
    app = Bench()
    async with app.run_test(size=(80, 24)) as pilot:
        table = app.query_one(LiveTable)
        table.show(wide, columns, ("c0",))
        await pilot.pause()
        assert table.render_line(1).text.startswith("! a ")
        assert "c11" not in table.render_line(0).text
        for _ in range(10):
            table.action_sideways(1)
            await pilot.pause()
            shown = [table.render_line(y) for y in (0, 1)]
            assert {strip.cell_length for strip in shown} == {80}
            left = table.scroll_offset.x
            for n in range(1, 12):  # 2 cells of gutter, then 12 and a space a column
                if left <= 2 + 13 * n < left + 70:
                    assert all(strip.text[2 + 13 * n - left :].startswith(f"c{n} ") for strip in shown)
        assert shown[0].text.rstrip().endswith("age")
        assert shown[1].text.rstrip().endswith("1m")


SHARES = (Column("pid", "pid", "count", width=7), Column("age", "age", "age", width=6, bar=Whole.TOTAL))


class Barred(App[None]):
    CSS = "LiveTable > .table--bar { background: red; } LiveTable > .table--cursor-bar { background: blue; }"

    def compose(self) -> ComposeResult:
        yield LiveTable(SHARES)


def on(table: LiveTable, y: int, colour: str) -> str:
    """The text on a background in line `y`."""
    strip = table.render_line(y)
    return "".join(part.text for part in strip if part.style and part.style.bgcolor == Color.parse(colour).rich_color)


async def test_a_bar_is_drawn_behind_its_number_and_only_there() -> None:
    app = Barred()
    async with app.run_test(size=(80, 24)) as pilot:
        table = app.query_one(LiveTable)
        table.show(snapshot((1, 60.0, ""), (2, 30.0, ""), (3, 10.0, ""), (4, None, "")), SHARES, ("pid",))
        await pilot.pause()
        assert [on(table, y, "blue") for y in (1, 2, 3, 4)] == ["    ", "", "", ""]
        assert [on(table, y, "red") for y in (1, 2, 3, 4)] == ["", "  ", " ", ""]
        assert [table.render_line(y).text.rstrip() for y in (1, 2)] == ["        1     1m", "        2    30s"]
        table.show(snapshot((1, 60.0, ""), (2, 30.0, "")), SHARES, ("pid",), stale=True)
        await pilot.pause()
        assert on(table, 1, "blue") == on(table, 2, "red") == ""


async def test_a_cell_whose_bar_alone_changed_is_painted_again() -> None:
    app = Barred()
    async with app.run_test(size=(80, 24)) as pilot:
        table = app.query_one(LiveTable)
        table.show(snapshot((1, 60.0, ""), (2, 30.0, ""), (3, 10.0, "")), SHARES, ("pid",))
        await pilot.pause()
        regions = record_repaints(table)
        table.show(snapshot((1, 60.0, ""), (2, 30.0, ""), (3, 500.0, "")), SHARES, ("pid",))
        assert [(region.y, region.x, region.width) for region in regions] == [(1, 10, 7), (2, 10, 7), (3, 10, 7)]
        await pilot.pause()
        assert on(table, 2, "red") == ""


@pytest.mark.parametrize(("order", "title"), [("-sessions", " session↓"), ("sessions", " session↑"), ("", "sessions")])
def test_the_order_is_seen_where_the_title_has_no_room_for_it(order: str, title: str) -> None:
    window = ColumnWindow((Placed(Column("sessions", "sessions", "count", width=8), 2, 8),), ("sessions",), 0, 80)
    assert window.titles(order) == [(title.strip(), bool(order))]


class Listening(Bench):
    moved = 0

    def on_live_table_moved(self) -> None:
        self.moved += 1


async def test_rows_that_carry_the_cursor_along_are_no_move_of_it() -> None:
    """Whoever shows them shows the details of its row as well; a message would have them made twice a refresh."""
    app = Listening()
    async with app.run_test(size=(80, 24)) as pilot:
        table = app.query_one(LiveTable)
        table.show(snapshot(*ROWS), COLUMNS, ("pid",))
        table.move_to(3)
        await pilot.pause()
        moved, key = app.moved, table.cursor_key
        table.show(snapshot(*reversed(ROWS[:20]), *ROWS[20:]), COLUMNS, ("pid",))
        await pilot.pause()
        assert (app.moved, table.cursor_key, table.cursor) == (moved, key, 16)
        table.move_to(4)
        await pilot.pause()
        assert app.moved == moved + 1
