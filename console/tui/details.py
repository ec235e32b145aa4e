"""Everything about one row: its fields, then what the view's detail query adds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual import work
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from console.format import MISSING, safe, safe_lines, show
from console.model import Snapshot, Trouble, View

if TYPE_CHECKING:
    from console.tui.pane_view import PaneView


class Details(VerticalScroll):
    """The details of the row under the cursor of a pane."""

    def __init__(self) -> None:
        super().__init__()
        self._of: tuple[object, ...] = ()

    def compose(self) -> ComposeResult:
        """Fields above, what a further query says below."""
        yield Static(classes="fields", markup=False)
        yield Static(classes="more", markup=False)

    def tell(self, view: PaneView) -> None:
        """Show the row under the cursor; its detail query runs once a row."""
        row, key = view.table.cursor_row, view.table.cursor_key
        self.query_one(".fields", Static).update(fields(view.current, row) if row else Content(""))
        subject = (view.current.name, key)
        if subject != self._of:
            self._of = subject
            self.query_one(".more", Static).update("")
            if row and view.current.detail:
                self._ask(view, dict(zip(view.current.key, key or (), strict=True)))

    @work(exclusive=True, exit_on_error=False)
    async def _ask(self, view: PaneView, parameters: dict[str, object]) -> None:
        server = view.server
        if server is None:
            return
        try:
            answer = listing(await server.fetch(view.current.detail, parameters))
        except Trouble as why:
            answer = Content(str(why))
        self.query_one(".more", Static).update(answer)


def fields(view: View, row: dict[str, object]) -> Content:
    """The columns of the view first, then what else was read; long texts stand below their name."""
    named = [(column.title.strip() or column.name, row[column.name], column.format) for column in view.columns]
    shown = {column.name for column in view.columns}
    others = [(name, value, "text") for name, value in row.items() if name not in shown and value is not None]
    parts: list[tuple[str, str] | str] = []
    for title, value, kind in named:
        parts += _field(title, value, kind)
    if others:
        parts.append(("\nalso read\n", "$text-muted"))
    for title, value, kind in others:
        parts += _field(title, value, kind)
    return Content.assemble(*parts)


def _field(title: str, value: object, kind: str) -> list[tuple[str, str] | str]:
    if isinstance(value, str) and (len(value) > 40 or "\n" in value):
        return [(f"{safe(title)}\n", "bold"), f"{safe_lines(value)}\n"]
    return [(f"{safe(title):<18} ", "bold"), f"{show(value, kind)}\n"]


def listing(answer: Snapshot) -> Content:
    """The rows of a detail query: two columns are names with their texts, more columns are fields."""
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
