"""The compositor of the console: what is seen is as Textual's own has it, and less is rendered for it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial

import pytest
from rich.segment import Segment
from textual._compositor import Compositor
from textual.app import App, ComposeResult
from textual.containers import Container, VerticalScroll
from textual.geometry import Region
from textual.screen import Screen
from textual.strip import Strip
from textual.widget import Widget
from textual.widgets import Static

from console.panes import PANES
from console.tui import compositor
from console.tui.compositor import FrontCompositor, FrontScreen, Span, in_front, taken
from console.tui.header import Header
from console.tui.updates import TightUpdate, _parts
from tests.screens import console, screen_text, until
from tests.servers import PostgresServer

AWAY = "postgresql://127.0.0.1:1/x"
SCREEN = Region(0, 0, 10, 3)


def placed(*regions: tuple[Region, Region]) -> dict[Widget, tuple[Region, Region]]:
    return {Widget(): region for region in regions}


@pytest.mark.parametrize(
    ("regions", "seen"),
    [
        ([], []),
        ([SCREEN], [0]),
        ([SCREEN, SCREEN], [0]),
        ([Region(0, 0, 10, 2), SCREEN], [0, 1]),
        ([Region(0, 0, 10, 2), Region(0, 2, 10, 1), SCREEN], [0, 1]),
        ([Region(0, 0, 9, 3), Region(9, 0, 1, 3), SCREEN, SCREEN], [0, 1]),
        ([Region(0, 0, 9, 3), Region(9, 0, 1, 2), SCREEN], [0, 1, 2]),
        ([Region(-5, -5, 20, 20), SCREEN], [0]),
        ([Region(20, 0, 5, 1), Region(0, 3, 10, 1), SCREEN], [2]),
    ],
)
def test_what_others_cover_is_not_in_front(regions: list[Region], seen: list[int]) -> None:
    widgets = placed(*((region, SCREEN) for region in regions))
    assert list(in_front(widgets, *SCREEN.size)) == [list(widgets)[at] for at in seen]


def test_a_widget_covers_only_what_it_is_clipped_to() -> None:
    scrolled, below = placed((SCREEN, Region(0, 0, 10, 1)), (SCREEN, SCREEN)).items()
    assert list(in_front(dict([scrolled, below]), *SCREEN.size)) == [scrolled[0], below[0]]


@pytest.mark.parametrize("size", [(80, 24), (160, 45), (40, 10)])
async def test_every_pane_is_as_textual_itself_paints_it(
    any_pg: PostgresServer, pipeline: str, size: tuple[int, int]
) -> None:
    async with console(any_pg.uri(pipeline), size) as (app, pilot):
        await until(pilot, lambda: "primary" in screen_text(app))
        for pane in PANES:
            await app.action_pane(pane.name)
            await pilot.pause()
            front = app.screen._compositor
            assert isinstance(front, FrontCompositor)
            await until(pilot, partial(is_as_textual_has_it, front))


def is_as_textual_has_it(front: Compositor) -> bool:
    """Not so for the moment between a scroll bar that has gone and the layout without it: Textual's is too short."""
    return segments(front.render_strips()) == segments(Compositor.render_strips(front))


def segments(lines: Iterable[Strip]) -> list[list[Segment]]:
    return [list(strip.simplify()) for strip in lines]


@pytest.mark.parametrize("size", [(80, 24), (160, 45)])
async def test_a_change_of_any_cells_is_what_the_whole_screen_has_there(
    any_pg: PostgresServer, size: tuple[int, int]
) -> None:
    async with console(any_pg.uri("postgres"), size, pane="connections") as (app, pilot):
        await until(pilot, lambda: app.pane_view.arranged is not None)
        await pilot.pause()
        front = app.screen._compositor
        whole = front.render_strips()
        front._dirty_regions.update(Region(x, y, 7, 2) for x in range(3, size[0], 11) for y in range(size[1]))
        update = front.render_partial_update()
        assert isinstance(update, TightUpdate)
        cells = {(part.y, part.x): part.strip.crop(part.left, part.right) for part in update.parts}
        assert sum(strip.cell_length for strip in cells.values()) > size[0] * size[1] / 2
        for (y, x), strip in cells.items():
            assert list(strip.simplify()) == list(whole[y].crop(x, x + strip.cell_length).simplify())


@pytest.mark.parametrize(
    ("spans", "inside", "outside"),
    [
        ([(0, 0, 10)], [(0, 2, 6)], [(0, 0, 2), (0, 6, 10)]),
        ([(1, 3, 5)], [(1, 3, 5)], []),
        ([(1, 0, 4)], [(1, 2, 4)], [(1, 0, 2)]),
        ([(1, 4, 9)], [(1, 4, 6)], [(1, 6, 9)]),
        ([(0, 0, 2), (0, 6, 9), (2, 0, 10)], [], [(0, 0, 2), (0, 6, 9), (2, 0, 10)]),
    ],
)
def test_a_widget_takes_its_part_of_each_span(spans: list[Span], inside: list[Span], outside: list[Span]) -> None:
    assert taken(spans, Region(2, 0, 4, 2)) == (inside, outside)


async def test_for_a_change_only_what_is_in_its_lines_is_rendered(monkeypatch: pytest.MonkeyPatch) -> None:
    rendered: list[Widget] = []
    render_lines = compositor._rendered

    def render(widget: Widget, seen: Region, lines: Sequence[int]) -> dict[int, Strip]:
        rendered.extend([widget] if lines else [])
        return render_lines(widget, seen, lines)

    async with console(AWAY) as (app, pilot):
        await until(pilot, lambda: app.pane_view.feed.trouble is not None)
        header = app.query_one(Header)
        front = app.screen._compositor
        monkeypatch.setattr(compositor, "_rendered", render)
        header.refresh()
        front.update_widgets({header})
        front.render_partial_update()
    assert set(rendered) == {header}


class Narrow(Widget):
    """Draws one cell of its lines, as a table does whose scroll bar has just gone."""

    def render_lines(self, crop: Region) -> list[Strip]:
        return [Strip([Segment("x")])] * crop.height


class Alone(App[None]):
    """Nothing but a narrow widget."""

    def get_default_screen(self) -> Screen[object]:
        return FrontScreen()

    def compose(self) -> ComposeResult:
        yield Narrow()


class Framed(Alone):
    """A narrow widget before something that has a colour."""

    CSS = "Container { background: darkblue; } Narrow { height: 2; }"

    def compose(self) -> ComposeResult:
        with Container():
            yield Narrow()


async def test_where_a_widget_draws_less_than_its_region_what_is_behind_it_is_seen() -> None:
    app = Framed()
    async with app.run_test(size=(10, 3)):
        front = app.screen._compositor
        whole = segments(front.render_strips())
        front._dirty_regions.add(app.screen.region)
        update = front.render_partial_update()
        *_, below = segments(Compositor.render_strips(front))
    assert isinstance(update, TightUpdate)
    lines: dict[int, list[Strip]] = {}
    for part in update.parts:
        lines.setdefault(part.y, []).append(part.strip.crop(part.left, part.right))
    assert segments(Strip.join(line) for line in lines.values()) == whole
    (behind,) = below
    assert whole == [[Segment("x"), Segment(" " * 9, behind.style)]] * 2 + [[behind]]


async def test_a_line_that_ends_before_its_widget_is_blank_and_not_missing() -> None:
    app = Alone()
    async with app.run_test(size=(10, 3)):
        lines = app.screen._compositor.render_strips()
    assert ["".join(segment.text for segment in line) for line in lines] == ["x" + " " * 9] * 3


class Moving(App[None]):
    """What is below a text moves with its height; cells holds what was painted, by line and column."""

    CSS = "#scrolled { height: 3; } Static { height: auto; }"

    def __init__(self) -> None:
        super().__init__()
        self.cells: dict[tuple[int, int], str] = {}

    def get_default_screen(self) -> Screen[object]:
        return FrontScreen(id="_default")

    def compose(self) -> ComposeResult:
        with VerticalScroll(id="scrolled"):
            yield Static("\n".join(map(str, range(40))))
        yield Static("a\nb\nc\nd", id="text")
        yield Static("below\nand below")

    def _display(self, screen: Screen[object], renderable: object) -> None:
        for part in _parts(renderable) or ():
            for at, cell in enumerate(part.strip.crop(part.left, part.right).text):
                self.cells[part.y, part.x + at] = cell

    def painted(self) -> list[str]:
        return ["".join(self.cells[y, x] for x in range(self.size.width)).rstrip() for y in range(self.size.height)]


async def test_what_a_layout_moves_is_painted_though_its_place_was_asked_for_before() -> None:
    app = Moving()
    async with app.run_test(size=(30, 12)) as pilot:
        scrolled, text = app.query_one("#scrolled", VerticalScroll), app.query_one("#text", Static)
        scrolled.scroll_to(y=3, animate=False)
        await pilot.pause()
        text.update("a\nb")
        for ancestor in text.ancestors:
            if isinstance(ancestor, Widget):
                ancestor._clear_arrangement_cache()  # as when the layout begins
        assert app.screen._compositor.full_map
        await pilot.pause()
        assert app.painted() == [strip.text.rstrip() for strip in app.screen._compositor.render_strips()]
