"""The details of one row: its fields, then the rows of the view's detail query."""

from __future__ import annotations

from collections.abc import Mapping

from textual import work
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from console.format import MISSING, safe, safe_lines, show
from console.model import Snapshot, Source, Trouble, View
from console.reading.reader import Key


class Details(VerticalScroll):
    """The details of a row."""

    def __init__(self) -> None:
        super().__init__()
        self._shown: tuple[object, ...] = ()

    def compose(self) -> ComposeResult:
        """Fields, and below them the answer of the detail query."""
        yield Static(classes="fields", markup=False)
        yield Static(classes="more", markup=False)

    def show_row(self, view: View, key: Key | None, row: Mapping[str, object] | None, source: Source | None) -> None:
        """Show a row of `view`; its detail query runs once for each row. No row: nothing is shown."""
        self.query_one(".fields", Static).update(fields(view, row) if row else Content("no row"))
        shown = (view.name, key)
        if shown != self._shown:
            self._shown = shown
            self.query_one(".more", Static).update("")
            if row and view.detail and source is not None:
                self._fetch(source, view.detail, dict(zip(view.key, key or (), strict=True)))

    @work(exclusive=True, exit_on_error=False)
    async def _fetch(self, source: Source, query: str, parameters: dict[str, object]) -> None:
        try:
            answer = listing(await source.fetch(query, parameters))
        except Trouble as why:
            answer = Content(safe(why))
        self.query_one(".more", Static).update(answer)


def fields(view: View, row: Mapping[str, object]) -> Content:
    """The columns of the view, then the other columns of the query; long texts are below their name."""
    named = [
        (column.title.strip() or column.name, row[column.name], column.format)
        for column in view.columns
        if column.name in row  # the row of another view, until the first read of this one
    ]
    shown = {column.name for column in view.columns}
    others = [(name, value, "text") for name, value in row.items() if name not in shown and value is not None]
    parts: list[tuple[str, str] | str] = []
    for title, value, kind in named:
        parts += _field(title, value, kind)
    if others:
        parts.append(("\nother columns\n", "$text-muted"))
    for title, value, kind in others:
        parts += _field(title, value, kind)
    return Content.assemble(*parts)


def _field(title: str, value: object, kind: str) -> list[tuple[str, str] | str]:
    if isinstance(value, str) and (len(value) > 40 or "\n" in value):
        return [(f"{safe(title)}\n", "bold"), f"{safe_lines(value)}\n"]
    return [(f"{safe(title):<18} ", "bold"), f"{show(value, kind)}\n"]


def listing(answer: Snapshot) -> Content:
    """The rows of a detail query: two columns are a name and its text, more columns are fields."""
    parts: list[tuple[str, str] | str] = []
    pairs = len(answer.columns) == 2
    for record in answer.records():
        named = [tuple(record.values())] if pairs else [*record.items()]
        if not pairs:
            parts.append("\n")
        for name, value in named:
            text = MISSING if value is None else safe_lines(value)
            broken = "\n" if "\n" in text or len(text) > 60 else ""
            parts += [(f"{safe(name):<18} {broken}", "bold"), f"{text}\n"]
    return Content.assemble(*parts)
