"""The details of one row: its fields, then the rows of the view's detail query."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import replace

from textual import work
from textual.app import ComposeResult
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.geometry import Region
from textual.strip import Strip
from textual.widgets import Static

from console.format import plain, safe, safe_lines, show
from console.model import Row, Snapshot, Source, Trouble, View
from console.reading.reader import Key
from console.tui.own_lines import OwnText
from console.tui.pane_text import PAIR, statements_in
from console.tui.sizes import size_apart

PAUSE = 0.01  # seconds between two slices, in which what is there is drawn
SLICE = 4000  # characters of a long answer that are laid out at once
EXACT = "_start"  # ends the name of a moment by which an action finds what was seen; to people it is shown as an age
LONGEST = 60  # characters of a text on the line of its name


class Details(VerticalScroll):
    """The details of a row."""

    virtual_size = size_apart()

    def __init__(self) -> None:
        super().__init__()
        self._shown: tuple[object, ...] = ()
        self._fields = Content("")  # on the screen
        self._fields_shown = OwnText(classes="fields")
        self._has_query = False  # whether the detail query returned the whole statement

    def compose(self) -> ComposeResult:
        """Fields, and below them the answer of the detail query."""
        yield self._fields_shown
        yield Vertical(classes="more")

    def render_lines(self, crop: Region) -> list[Strip]:
        """What is around its parts: without a line at the top the same in each line."""
        if self.styles.border_top[0] or not crop.height:
            return super().render_lines(crop)
        return super().render_lines(Region(crop.x, crop.y, crop.width, 1)) * crop.height

    def show_row(self, view: View, key: Key | None, row: Mapping[str, object] | None, source: Source | None) -> None:
        """Show a row of `view` in full; its detail query runs once for each row. No row: nothing is shown."""
        self.remove_class("-brief")
        shown = (view.name, key)
        if shown != self._shown:
            self._forget(shown)
            if row and view.detail and source is not None:
                self._fetch(source, view, row, dict(zip(view.key, key or (), strict=True)))
        self._show_fields(view, row)

    def show_brief(self, content: Content) -> None:
        """Show only these fields, as far as there is room."""
        if not self.has_class("-brief"):
            self._forget(())
            self.add_class("-brief")
        if not content.is_same(self._fields):
            self._fields = content
            # In this class the widget is as high as its place: no new text moves anything on the screen.
            self._fields_shown.update(content, layout=False)

    def forget(self) -> None:
        """Ask for what is shown next again: it is of another pane."""
        if self._shown:
            self._forget(())

    def _forget(self, shown: tuple[object, ...]) -> None:
        self._shown, self._has_query = shown, False
        self.workers.cancel_node(self)
        self.query_one(".more", Vertical).remove_children()

    def _show_fields(self, view: View, row: Mapping[str, object] | None) -> None:
        content = fields(view, row, with_query=not self._has_query) if row else Content("no row")
        if not content.is_same(self._fields):
            self._fields = content
            self._fields_shown.update(content)

    @work(exclusive=True, exit_on_error=False)
    async def _fetch(
        self, source: Source, view: View, row: Mapping[str, object], parameters: dict[str, object]
    ) -> None:
        try:
            answer = await source.fetch(view.detail, parameters)
        except Trouble as why:
            await self._append(Content(safe(why)))
        else:
            self._has_query = any(statements_in(answer))
            self._show_fields(view, row)
            for part in slices(answer):
                shown = listing(part)  # its last line feed is an empty line before the next row
                await self._append(shown.rstrip("\n") if len(answer.columns) == PAIR else shown)
            for note in answer.notes:
                await self._append(Content.styled(safe(note), "$text-muted"))

    async def _append(self, content: Content) -> None:
        await self.query_one(".more", Vertical).mount(Static(content, markup=False))
        await asyncio.sleep(PAUSE)


def fields(
    view: View,
    row: Mapping[str, object],
    *,
    with_query: bool = True,
    with_others: bool = True,
    seen: frozenset[str] = frozenset(),
) -> Content:
    """The columns of the view that have a value and are not in `seen`, then the other columns of the query.

    Long texts stand below their name. `with_query`: also the beginning of a statement, which the answer may have whole.
    `with_others`: also columns that the view does not show.
    """
    parts: list[tuple[str, str] | str] = []
    for column in view.columns:
        # The row may be that of another view, until the first read of this one.
        value = row.get(column.name)
        if column.name not in seen and value not in (None, "", []) and (with_query or column.format != "query"):
            long = isinstance(value, str) and (len(value) > LONGEST or "\n" in value)
            parts += _field(
                column.title.strip() or column.name, safe_lines(value) if long else show(value, column.format)
            )
    shown = {column.name for column in view.columns} | {column.judged for column in view.columns}
    others = [
        (name, value)
        for name, value in row.items()
        if with_others and name not in shown and not name.endswith(EXACT) and value not in (None, "", [])
    ]
    if others:
        parts.append(("\nother columns\n" if parts else "other columns\n", "$text-muted"))
    for name, value in others:
        parts += _field(name, plain(name, value))
    return Content.assemble(*parts)


def slices(answer: Snapshot) -> Iterator[Snapshot]:
    """`answer` in parts that are drawn one after the other: keys and reads go on while a long one is laid out."""
    rows: list[Row] = []
    room = SLICE
    for row in answer.rows:
        rows.append(row)
        room -= sum(len(value) if isinstance(value, str) else 10 for value in row)
        if room <= 0:
            yield replace(answer, rows=tuple(rows))
            rows, room = [], SLICE
    if rows:
        yield replace(answer, rows=tuple(rows))


def listing(answer: Snapshot) -> Content:
    """The rows of a detail query: two columns are a name and its text, more columns are fields."""
    parts: list[tuple[str, str] | str] = []
    pairs = len(answer.columns) == PAIR
    for record in answer.records():
        named = [tuple(record.values())] if pairs else [*record.items()]
        if not pairs and parts:
            parts.append("\n")
        for name, value in named:
            if value not in (None, "", []):
                parts += _field(str(name), plain(str(name), value))
    return Content.assemble(*parts)


def _field(title: str, text: str) -> list[tuple[str, str] | str]:
    if len(text) > LONGEST or "\n" in text:
        return [(f"{safe(title)}\n", "$text-muted"), f"{text}\n"]
    return [(f"{safe(title):<18} ", "$text-muted"), f"{text}\n"]
