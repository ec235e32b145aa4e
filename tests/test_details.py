"""The details of a row: plain values, no empty lines, a statement once."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from textual.app import App, ComposeResult
from textual.content import Content
from textual.geometry import Region
from textual.strip import Strip
from textual.visual import Visual
from textual.widget import Widget
from textual.widgets import Static

from console.format import plain
from console.model import Column, Pane, Snapshot, View
from console.panes import PANES
from console.reading.export import csv_text
from console.tui.details import Details, fields, listing, slices
from console.tui.own_lines import OwnText, own_lines
from console.tui.pane_state import PaneState
from console.tui.title import PaneTitle
from tests import recording

YEAR = 365 * 86400.0
SIZES = {"limit"}  # of disks, in bytes
AT = datetime(2026, 1, 1, 12, tzinfo=UTC)
VIEW = View("v", "V", "q", (Column("pid", "pid", "count"), Column("query", "query", "query")), ("pid",), detail="d")
ROW: Mapping[str, object] = {
    "pid": 12,
    "query": "SELECT 1",
    "at": AT,
    "counted_from": AT.timestamp(),
    "flag": True,
    "pids": [1, 2],
    "for": timedelta(seconds=90),
    "nothing": None,
    "empty": "",
    "share": 1 / 3,
}


def test_values_are_plain_and_no_line_is_empty() -> None:
    text = fields(VIEW, ROW).plain
    for wrong in ("datetime", "True", "[1", "timedelta", str(AT.timestamp()), "None", "nothing", "empty"):
        assert wrong not in text, text
    for right in ("2026-01-01 12:00:00", "yes", "1 2", "1m", "0.333333"):
        assert right in text, text
    assert "statement_start" not in fields(VIEW, {**ROW, "statement_start": "2026-01-01 12:00:00.123456+00"}).plain
    answer = Snapshot("d", tuple(ROW), (tuple(ROW.values()), tuple(ROW.values())), AT)
    assert "None" not in listing(answer).plain
    assert not listing(answer).plain.startswith("\n")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (True, "yes"),
        (AT, "2026-01-01 12:00:00"),
        ([3, 4], "3 4"),
        (0.5, "0.5"),
        (b"caf\xc3", "caf"),
        ({"label": "blocked", "value": 4711, "pane": None, "row": {"pid": 1}}, "label blocked, value 4711, row pid 1"),
        ([{"action": "x\x1b[2J"}, {"action": "y"}], "action x␛[2J\naction y"),
    ],
)
def test_a_value_without_a_format_is_shown_by_its_kind(value: object, text: str) -> None:
    assert plain("x", value) == text


@pytest.mark.parametrize("source", ["postgres", "pgbouncer", "host"])
def test_no_moment_is_shown_as_a_number(source: str) -> None:
    reads = recording.load(source).reads
    shown = {
        (query, name): plain(name, value)
        for query, found in reads.items()
        for taken in found
        for row in taken.records()
        for name, value in row.items()
        if isinstance(value, float) and AT.timestamp() < value < AT.timestamp() + 10 * YEAR and name not in SIZES
    }
    assert {named for named, text in shown.items() if not text.startswith("20")} == set()


def test_an_export_holds_no_python_values() -> None:
    taken = Snapshot("d", ("a", "b", "c", "d", "e"), ((True, [1, 2], None, AT, [{"pid": 1}]),), AT)
    assert csv_text(taken) == 'a,b,c,d,e\ntrue,1 2,,2026-01-01T12:00:00+00:00,"[{""pid"": 1}]"\n'


class Bench(App[None]):
    def compose(self) -> ComposeResult:
        yield Details()


class Answer:
    """A source that answers a detail query with the whole statement."""

    async def fetch(self, query: str, parameters: object = None) -> Snapshot:
        return Snapshot(query, ("item", "text"), (("query", "SELECT 1 FROM all_of_it"),), AT)


async def test_a_statement_is_shown_once() -> None:
    app = Bench()
    async with app.run_test(size=(80, 24)) as pilot:
        details = app.query_one(Details)
        details.show_row(VIEW, (12,), ROW, Answer())  # type: ignore[arg-type]
        await app.workers.wait_for_complete()
        await pilot.pause()
        details.show_row(VIEW, (12,), ROW, Answer())  # type: ignore[arg-type]
        text = "\n".join(str(static.render()) for static in details.query(Static))
    assert text.count("SELECT 1") == 1
    assert "all_of_it" in text


def test_a_long_answer_is_laid_out_in_slices_that_hold_every_row_in_order() -> None:
    rows = tuple((f"statement {number}", "CREATE TABLE t ()" * 100) for number in range(250))
    answer = Snapshot("d", ("item", "text"), rows, AT)
    parts = list(slices(answer))
    assert [row for part in parts for row in part.rows] == list(rows)
    assert len(parts) > 50
    assert list(slices(Snapshot("d", ("item", "text"), (), AT))) == []


@pytest.mark.parametrize("size", ["pairs", "fields"])
async def test_slices_leave_no_gaps(monkeypatch: pytest.MonkeyPatch, size: str) -> None:
    monkeypatch.setattr("console.tui.details.SLICE", 30)
    columns = ("item", "text") if size == "pairs" else ("at", "item", "text")
    rows = tuple((f"name{number}", f"text{number}", f"last{number}")[-len(columns) :] for number in range(8))

    class Rows:
        async def fetch(self, query: str, parameters: object = None) -> Snapshot:
            return Snapshot(query, columns, rows, AT)

    app = Bench()
    async with app.run_test(size=(80, 60)) as pilot:
        app.query_one(Details).show_row(VIEW, (12,), ROW, Rows())  # type: ignore[arg-type]
        await app.workers.wait_for_complete()
        await pilot.pause()
        lines = ["".join(part.text for part in line).strip() for line in app.screen._compositor.render_strips()]
    first = next(at for at, line in enumerate(lines) if "last0" in line)
    last = next(at for at, line in enumerate(lines) if "last7" in line)
    gaps = [line for line in lines[first:last] if not line]
    assert len(gaps) == (0 if size == "pairs" else 7)


@pytest.mark.parametrize("pane", [pane for pane in PANES if len(pane.views) > 1], ids=lambda pane: pane.name)
async def test_at_80_columns_every_view_is_named_with_the_period(pane: object) -> None:
    chosen = next(each for each in PANES if each is pane)

    class Line(App[None]):
        def compose(self) -> ComposeResult:
            yield PaneTitle(chosen)

    app = Line()
    async with app.run_test(size=(80, 1)):
        title = app.query_one(PaneTitle)
        title.show_state(PaneState(chosen, 0.0), (1000, 12345))
        line = title.render().plain
        assert len(line) <= 80
        assert line.endswith(f" {title._period}")
        assert len(title._places) == len(chosen.views), line
        title.show_state(PaneState(chosen, 0.0), (1000, 12345), is_past=True)
        then = title.render().plain
        assert title._period not in then.split()
        assert len(then) == len(line)
        assert then.startswith(line.removesuffix(f"every {title._period}").removesuffix(title._period))


class Line(App[None]):
    def __init__(self, pane: Pane) -> None:
        super().__init__()
        self.pane = pane

    def compose(self) -> ComposeResult:
        yield PaneTitle(self.pane)


async def test_at_80_columns_names_are_whole_where_they_fit_without_the_name_of_the_pane() -> None:
    lines = {}
    for pane in PANES:
        app = Line(pane)
        async with app.run_test(size=(80, 1)):
            title = app.query_one(PaneTitle)
            title.show_state(PaneState(pane, 0.0), (7, 7))
            lines[pane.name] = title.render().plain
    assert {name for name, line in lines.items() if "…" in line} == set()
    assert {name for name, line in lines.items() if "every" not in line} <= {"cluster"}
    assert lines["connections"].startswith(" All ")
    assert lines["locks"].startswith(" Locks ")


LONG = "A text that is longer than the line and is wrapped, 数据库, at its words. " * 3


class Fielded(App[None]):
    def compose(self) -> ComposeResult:
        yield OwnText(classes="fields")


def field_lines(age: str) -> Content:
    return Content.assemble(
        ("pid  ", "bold"), "1\n\n", ("age  ", "$text-muted"), f"{age}\n", LONG, "\n", ("end", "bold")
    )


@pytest.mark.parametrize("width", [31, 80])
async def test_fields_look_as_textual_paints_them_and_only_those_that_differ_are_made_again(
    monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    app = Fielded()
    async with app.run_test(size=(width, 30)) as pilot:
        shown = app.query_one(OwnText)
        for age in ("1s", "2s"):
            shown.update(field_lines(age))
            await pilot.pause()
            crop = Region(0, 0, *shown.size)
            mine = shown.render_lines(crop)
            shown._dirty_regions.add(crop)
            assert [list(line) for line in mine] == [list(line) for line in own_lines(shown, crop)]
        made: list[str] = []
        to_strips = Visual.to_strips

        def counted(widget: Widget, visual: Visual, *how: Any, **options: Any) -> list[Strip]:
            made.append(str(visual))
            return to_strips(widget, visual, *how, **options)

        monkeypatch.setattr(Visual, "to_strips", counted)
        shown.update(field_lines("3s"), layout=False)
        shown.render_lines(crop)
        assert made == ["age  3s"]


async def test_text_of_fields_is_selected_with_the_mouse() -> None:
    app = Fielded()
    async with app.run_test(size=(60, 10)) as pilot:
        shown = app.query_one(OwnText)
        for last in ("three", "3"):
            shown.update(Content(f"zero one\ntwo {last}\nfour five\n"))
            await pilot.pause()
        await pilot.mouse_down(shown, offset=(4, 0))
        await pilot.hover(shown, offset=(3, 2))
        await pilot.mouse_up(shown, offset=(3, 2))
        assert app.screen.get_selected_text() == "zero one\ntwo 3\nfou"
