"""The table of every pane: paints only visible lines and, on a refresh, only the cells that changed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar

from textual.events import Click, Resize
from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.scrollbar import ScrollBar
from textual.strip import Strip

from console.keys import Place
from console.model import Column, Level, Snapshot
from console.reading.reader import Key
from console.records import dataclass
from console.tui.bindings import bindings
from console.tui.layout import Placed, column_at, place, total_width
from console.tui.own_lines import OwnScrollBar
from console.tui.table_lines import ColumnWindow
from console.tui.table_painting import TablePainting
from console.tui.table_rows import TablePlace, TableRows
from console.tui.table_styles import NAMES, TableStyles


class LiveTable(ScrollView, can_focus=True):
    """A table over a Snapshot.

    The cursor is on a critical row, the first one at first, else on one of the first page, until it is moved. It stays
    on its row, found by key, when rows come, go and change order: until it is moved as long as no other row is worse.
    """

    BINDINGS = bindings(Place.TABLE)
    COMPONENT_CLASSES: ClassVar[set[str]] = {f"table--{name}" for name in NAMES}
    ALLOW_SELECT = False

    cursor = reactive(0, repaint=False)

    class Moved(Message):
        """The cursor is on another row."""

    class Resized(Message):
        """The columns have other widths."""

    @dataclass()
    class HeaderClicked(Message):
        """A click on the title of a column."""

        column: Column

    def __init__(self, columns: Sequence[Column], selected: Callable[[], None] = lambda: None) -> None:
        """`selected` is called at Enter and at a second click on a row: a message would come after later keys."""
        super().__init__()
        self._columns = tuple(columns)
        self._selected = selected
        self._placed: tuple[Placed, ...] = ()
        self._rows = TableRows()
        self._placed_in = 0  # cells
        self._resized_to = Size(0, 0)
        self._painting = TablePainting(self._rows, TableStyles(self))
        self._sought: Mapping[str, object] = {}
        self._seeks: Level | None = Level.CRITICAL  # the least level of the row it goes to; None: it was moved
        self._returning: TablePlace | None = None  # where it stood when it last showed the rows that are to come

    # What it shows

    def show(
        self, snapshot: Snapshot, columns: Sequence[Column], key: Sequence[str], sort: str = "", stale: bool = False
    ) -> None:
        """Show `snapshot`; repaint only the cells that differ from what is on the screen."""
        place, self._returning, painting = self._returning, None, self._painting
        former = place.key if place else self.cursor_key
        same_query = (place or self._rows).columns == snapshot.columns
        former_unknown = self._rows.snapshot.unknown if self._rows.snapshot else ()
        shown = (self._columns, painting.sort, painting.stale, former_unknown)
        stays = same_query and self._is_ordered_by(sort)
        painting.turn_page()
        self._rows.replace(snapshot, key)
        self._seeks = self._seeks if same_query else Level.CRITICAL
        if not same_query or shown != (tuple(columns), sort, stale, snapshot.unknown):
            self._columns, painting.sort, painting.stale = tuple(columns), sort, stale
            self._place()
            self.refresh()
        painting.window.bars.measure(snapshot.rows)
        self._measure()
        if self._room != self._placed_in:
            self._place()  # the scroll bar has come or gone
            self._measure()
        if place:
            self._scroll_back(place)
        with self.prevent(self.Moved):  # whoever shows the rows also shows what depends on the one under the cursor
            if self._seeks is not None:
                self._go_to_worst(self._seeks, former if stays else None)
            else:
                self._follow(former)
            self._find()
        self._repaint_changes()

    def leave(self) -> TablePlace:
        """Where it stands; the rows are those of another pane from now on."""
        if self._returning is not None:
            return self._returning
        rows, (left, top) = self._rows, self.scroll_offset
        return TablePlace(self.cursor, self.cursor_key, rows.columns, rows.marks, self._sought, self._seeks, left, top)

    def return_to(self, place: TablePlace) -> None:
        """Stand there as soon as rows are shown; until then there are none."""
        self._returning = place
        self._sought, self._seeks = place.sought, place.seeks
        self._rows.forget(place.marked)
        self._painting.forget()
        self.set_reactive(LiveTable.cursor, place.cursor)

    def _scroll_back(self, place: TablePlace) -> None:
        if self.scroll_offset != (place.left, place.top):
            self.scroll_to(place.left, place.top, animate=False)

    def seek_worst(self) -> None:
        """Put the cursor on the worst row, now and after each read, until it is moved."""
        self._seeks = Level.WARNING
        self._go_to_worst(self._seeks)

    def _go_to_worst(self, least: Level, former: Key | None = None) -> None:
        """Put the cursor on the worst row; it stays on the row `former` where that is as bad and on the screen.

        Rows often change places: details that are of another row at each read cannot be read.
        """
        rows, height = self._rows, self.scrollable_content_region.height - 1
        row, at = self._painting.window.worst(rows.values, least), rows.place_of(self.cursor, former)
        if (
            at is not None
            and self.scroll_offset.y <= at < self.scroll_offset.y + height
            and self._is_as_bad(at, row, least)
        ):
            self.cursor = at
            return
        self.cursor = row
        if height > 0:  # otherwise it has no place on the screen yet
            self.scroll_to(y=0 if row < height else row - height // 2, animate=False)

    def _is_as_bad(self, at: int, worst: int, least: Level) -> bool:
        """Whether a row can be the one under the cursor instead of the worst; if that is not bad, on the first page."""
        level, rows = self._painting.window.level, self._rows.values
        most = level(rows[worst])
        return level(rows[at]) >= most if most >= least else not self.scroll_offset.y

    def _is_ordered_by(self, sort: str) -> bool:
        """Whether the rows are in that order already, and the one under the cursor is where it is for its value."""
        name = sort.removeprefix("-")
        if sort != self._painting.sort or not len(self._rows):
            return False
        return (
            name not in self._rows.columns or self._rows.values[self.cursor][self._rows.columns.index(name)] is not None
        )

    @property
    def cursor_key(self) -> Key | None:
        """The key of the row under the cursor; None when there are no rows."""
        return self._rows.key(self.cursor)

    @property
    def cursor_row(self) -> dict[str, object] | None:
        """The row under the cursor, column → raw value."""
        return self._rows.record(self.cursor)

    @property
    def row_count(self) -> int:
        """How many rows it has."""
        return len(self._rows)

    @property
    def columns_in_full(self) -> frozenset[str]:
        """The columns that are on the screen with their whole value in the row under the cursor."""
        left, painting = self.scroll_offset.x, self._painting
        line = painting.line(self.cursor)
        return painting.window.in_full(line, left, left + painting.width) if line else frozenset()

    @property
    def marked_rows(self) -> list[dict[str, object]]:
        """The marked rows that are still there."""
        return self._rows.marked

    @property
    def visible_keys(self) -> list[Key]:
        """Keys of the rows that are on the screen."""
        top = self.scroll_offset.y
        return self._rows.keys[top : top + max(0, self.scrollable_content_region.height - 1)]

    def seek(self, row: Mapping[str, object]) -> None:
        """Put the cursor on the first row with these values, now or when the next rows are shown."""
        self._sought = dict(row)
        self._find()

    @property
    def is_seeking(self) -> bool:
        """Whether a row is sought that was not there yet."""
        return bool(self._sought)

    def _find(self) -> None:
        if self._sought and (at := self._rows.position_of(self._sought)) is not None:
            self._sought = {}
            self.move_to(at)

    def _follow(self, former: Key | None) -> None:
        at = self._rows.followed(self.cursor, former)
        moved, self.cursor = at - self.cursor, at
        if moved and self.scroll_offset.y:
            self.scroll_to(y=self.scroll_offset.y + moved, animate=False)

    # Measures

    def _place(self) -> None:
        self._placed_in = self._room
        self._placed = place(self._columns, self._placed_in)
        self._look()

    @property
    def _room(self) -> int:
        """Cells for the columns."""
        return self.scrollable_content_region.width or self.size.width

    def _look(self) -> None:
        """Find the columns in the window."""
        left, width = self.scroll_offset.x, self.scrollable_content_region.width
        unknown = self._rows.snapshot.unknown if self._rows.snapshot else ()
        self._painting.look(ColumnWindow(self._placed, self._rows.columns, left, left + width, unknown), width)

    def _measure(self) -> None:
        wanted = Size(total_width(self._placed), len(self._rows) + 1)
        if wanted != self.virtual_size:
            self.virtual_size = wanted
            self._scroll_update(wanted)  # otherwise the next layout would find out that it has to be done again

    def on_resize(self, event: Resize) -> None:
        """Place the columns for the new width; a table that is shown again as it was needs nothing."""
        if event.size != self._resized_to:
            self._resized_to = event.size
            self._replace()

    @property
    def vertical_scrollbar(self) -> ScrollBar:
        """The scroll bar, made when it is first needed."""
        if self._vertical_scrollbar is None:
            self._vertical_scrollbar = bar = OwnScrollBar(name="vertical", thickness=self.scrollbar_size_vertical)
            bar.display = False
            self.app._start_widget(self, bar)  # noqa: SLF001  as Textual's own
        return self._vertical_scrollbar

    def watch_scroll_x(self, old_value: float, new_value: float) -> None:
        """Other columns are in the window now."""
        super().watch_scroll_x(old_value, new_value)
        self._look()

    def watch_show_vertical_scrollbar(self) -> None:
        """The scroll bar takes a cell from the columns."""
        self.call_after_refresh(self._make_room)

    def _make_room(self) -> None:
        if self._room != self._placed_in:
            self._replace()

    def _replace(self) -> None:
        if self._room != self._placed_in:
            self._place()
            self._measure()
            self.refresh()
        if self._seeks is not None:
            self._go_to_worst(self._seeks)
        self.post_message(self.Resized())

    def notify_style_update(self) -> None:
        """Compute the styles of the new theme."""
        super().notify_style_update()
        self._painting.forget_styles()

    def forget_lines(self) -> None:
        """Keep nothing that was formatted or painted: the table is not on the screen."""
        self._painting.forget()

    # Painting

    def render_lines(self, crop: Region) -> list[Strip]:
        """The lines of a part of the table. Without a border or padding there is nothing that Textual would add."""
        if self._painting.width != self.scrollable_content_region.width:
            self._place()
        return self._painting.strips(crop, self.scroll_offset, self.cursor)

    def render_line(self, y: int) -> Strip:
        """Line 0 holds the titles and stays; the rows scroll below it."""
        return self.render_lines(Region(0, y, self._painting.width, 1))[0]

    def _repaint_changes(self) -> None:
        regions = self._painting.changes(self.scroll_offset, self.scrollable_content_region.size.region)
        if regions is None:
            self.refresh()
        elif regions:
            self.refresh(*regions)

    # The cursor

    def watch_cursor(self, former: int, now: int) -> None:
        """Repaint the former and the new line of the cursor."""
        top, width = self.scroll_offset.y, self._painting.width or self._room  # the scroll bar is as it was
        self.refresh(*(Region(0, row - top + 1, width, 1) for row in (former, now) if row >= top))
        if former != now:
            self.post_message(self.Moved())

    def move_to(self, row: int) -> None:
        """Put the cursor on `row` (kept in range), scroll it into view, and keep it there."""
        self._seeks = None
        self.cursor = max(0, min(row, len(self._rows) - 1))
        top, height = self.scroll_offset.y, max(1, self.scrollable_content_region.height - 1)
        if self.cursor < top:
            self.scroll_to(y=self.cursor, animate=False)
        elif self.cursor >= top + height:
            self.scroll_to(y=self.cursor - height + 1, animate=False)

    def action_move(self, rows: int) -> None:
        """Move the cursor by `rows`."""
        self.move_to(self.cursor + rows)

    def action_move_to(self, row: int) -> None:
        """Move the cursor to a row; -1 is the last."""
        self.move_to(len(self._rows) - 1 if row < 0 else row)

    def action_page(self, pages: int) -> None:
        """Move the cursor by whole screens."""
        self.move_to(self.cursor + pages * max(1, self.scrollable_content_region.height - 2))

    def action_sideways(self, steps: int) -> None:
        """Scroll to the columns beyond the screen."""
        self.scroll_to(x=self.scroll_offset.x + steps * 16, animate=False)

    def action_select(self) -> None:
        """Ask for the details of the row under the cursor."""
        self._seeks = None
        self._selected()

    def action_mark(self) -> None:
        """Mark or unmark the row under the cursor, and move to the next."""
        key = self.cursor_key
        if key is not None:
            self._rows.toggle(key)
            self._painting.forget_row(self.cursor)
            self._repaint_changes()
            self.move_to(self.cursor + 1)

    def on_click(self, event: Click) -> None:
        """A click on a title sorts, on a row selects it, on the selected row opens it."""
        if event.y == 0:
            if (column := column_at(self._placed, event.x + self.scroll_offset.x)) is not None:
                self.post_message(self.HeaderClicked(column))
            return
        row = self.scroll_offset.y + event.y - 1
        if row < len(self._rows):
            if row == self.cursor:
                self.action_select()
            self.move_to(row)
