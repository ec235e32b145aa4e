"""A plan of the server on the screen: its hints, its tree, and what changed."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from console.explaining.explain import ExplainedStatement
from console.explaining.lines import LineKind, TreeLine, lines
from console.keys import Place
from console.tui.bindings import bindings
from console.tui.key_guard import SEEN, KeyGuard, answer

WIDEST = 200  # cells
STYLES = {
    LineKind.HEADING: "bold",
    LineKind.NOTE: "$text-muted",
    LineKind.HINT: "$text-warning",
    LineKind.COLUMNS: "$text-muted",
    LineKind.CONDITION: "$text-muted",
}


class ExplainDialog(ModalScreen[bool]):
    """An explained statement; answers whether it is wanted once more, with values."""

    BINDINGS = bindings(Place.EXPLAIN)

    def __init__(self, explained: ExplainedStatement) -> None:
        super().__init__()
        self.guard = KeyGuard(SEEN)
        self._explained = explained

    def compose(self) -> ComposeResult:
        """A frame around lines as wide as the screen allows."""
        with Vertical(classes="dialog explained") as frame:
            frame.border_title = "Explain"
            frame.border_subtitle = "v values, role … · Esc close · y copy"
            with VerticalScroll():
                yield Static(self._content(), markup=False)

    def on_mount(self) -> None:
        """Arrow keys scroll at once."""
        self.query_one(VerticalScroll).focus()
        self.call_after_refresh(self.guard.shown)

    def on_resize(self) -> None:
        """Lay the lines out for another width."""
        self.query_one(Static).update(self._content())

    def _lines(self) -> tuple[TreeLine, ...]:
        return lines(self._explained, min(WIDEST, self.app.size.width * 96 // 100) - 6)

    def _content(self) -> Content:
        parts = [(f"{line.text}\n", STYLES.get(line.sort, "")) for line in self._lines()]
        return Content.assemble(*parts)

    def action_scroll_body(self, by: int) -> None:
        """Scroll as j and k do everywhere."""
        self.query_one(VerticalScroll).scroll_relative(y=by, animate=False)

    def action_scroll_to(self, end: bool) -> None:
        """Scroll to the end, or to the top."""
        body = self.query_one(VerticalScroll)
        body.scroll_end(animate=False) if end else body.scroll_home(animate=False)

    def action_values(self) -> None:
        """Ask for values, a role or another search_path, and plan once more."""
        answer(self, True)

    def action_leave(self) -> None:
        """Close it."""
        answer(self)

    def action_copy(self) -> None:
        """Copy the lines over the terminal (OSC 52)."""
        text = "\n".join(line.text for line in self._lines())
        self.app.copy_to_clipboard(text)
        self.app.notify(f"Copied {len(text)} characters.", timeout=2, markup=False)
