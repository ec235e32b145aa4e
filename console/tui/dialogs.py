"""The dialogs: details of a row, order, the statement behind a view, export, help."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from console.format import safe_lines
from console.keys import Place
from console.model import Column
from console.tui.bindings import bindings
from console.tui.details import Details

if TYPE_CHECKING:
    from console.tui.pane_view import PaneView


class TextDialog(ModalScreen[None]):
    """A text to read; any of the closing keys leaves it."""

    BINDINGS = bindings(Place.TEXT)

    def __init__(self, title: str, body: Content | str) -> None:
        super().__init__()
        self._title = title
        self._body = body if isinstance(body, Content) else Content(safe_lines(body))

    def compose(self) -> ComposeResult:
        """A frame with a title around a scrolling text."""
        with Vertical(classes="dialog") as frame:
            frame.border_title = Content(self._title).markup
            frame.border_subtitle = "esc close · y copy"
            with VerticalScroll():
                yield Static(self._body, markup=False)

    def on_mount(self) -> None:
        """Arrow keys scroll at once."""
        self.query_one(VerticalScroll).focus()

    def action_scroll_body(self, lines: int) -> None:
        """Scroll as j and k do everywhere."""
        self.query_one(VerticalScroll).scroll_relative(y=lines, animate=False)

    def action_copy(self) -> None:
        """Copy the text over the terminal (OSC 52)."""
        self.app.copy_to_clipboard(self._body.plain)
        self.app.notify(f"copied {len(self._body.plain)} characters", timeout=2, markup=False)


class DetailsDialog(ModalScreen[None]):
    """The details of a row, where there is no room for the drawer."""

    BINDINGS = bindings(Place.DETAILS)

    def __init__(self, view: PaneView) -> None:
        super().__init__()
        self._view = view

    def compose(self) -> ComposeResult:
        """The same details as in the drawer."""
        with Vertical(classes="dialog") as frame:
            frame.border_title = self._view.pane.title
            frame.border_subtitle = "esc close"
            yield Details()

    def on_mount(self) -> None:
        """Fill it with the row under the cursor."""
        details = self.query_one(Details)
        details.tell(self._view)
        details.focus()


class SortDialog(ModalScreen[str]):
    """Which column to order by; choosing the current one turns the direction round."""

    BINDINGS = bindings(Place.LIST)

    def __init__(self, columns: tuple[Column, ...], sort: str) -> None:
        super().__init__()
        self._columns = columns
        self._sort = sort

    def compose(self) -> ComposeResult:
        """A list of the columns, the current one marked."""
        with Vertical(classes="dialog -small") as frame:
            frame.border_title = "Sort by"
            frame.border_subtitle = "enter choose · esc close"
            yield OptionList(*(Option(self._label(column), id=column.name) for column in self._columns))

    def on_mount(self) -> None:
        """Start at the current column."""
        names = [column.name for column in self._columns]
        current = self._sort.removeprefix("-")
        self.query_one(OptionList).highlighted = names.index(current) if current in names else 0

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Answer with the column's name."""
        self.dismiss(event.option.id)

    def action_cursor(self, step: int) -> None:
        """Move as j and k do everywhere."""
        options = self.query_one(OptionList)
        options.action_cursor_down() if step > 0 else options.action_cursor_up()

    def _label(self, column: Column) -> Content:
        name = column.title.strip() or column.name
        direction = ""
        if self._sort.removeprefix("-") == column.name:
            direction = " ↓" if self._sort.startswith("-") else " ↑"
        return Content.assemble(f"{name:<14}{direction:<3}", (column.help, "$text-muted"))


class ExportDialog(ModalScreen[Path]):
    """Where to write what is on the screen; the ending of the name chooses the format."""

    BINDINGS = bindings(Place.FORM)

    def __init__(self, suggestion: str) -> None:
        super().__init__()
        self._suggestion = suggestion

    def compose(self) -> ComposeResult:
        """A field for the path and a line that says what is wrong with it."""
        with Vertical(classes="dialog -small") as frame:
            frame.border_title = "Export"
            frame.border_subtitle = "enter write · esc close"
            yield Static("Rows as shown, raw values. .csv or .json:", markup=False)
            yield Input(self._suggestion)
            yield Static(classes="wrong", markup=False)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Answer with the path if it can be one."""
        path = Path(event.value).expanduser()
        if path.suffix not in {".csv", ".json"}:
            self.query_one(".wrong", Static).update("The name must end in .csv or .json.")
        else:
            self.dismiss(path)
