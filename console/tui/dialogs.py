"""Dialogs of a pane: a text to read, details of a row, sort order, export."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from textual.app import ComposeResult
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from console.format import counted, safe_lines
from console.keys import Place
from console.model import Column, Source, View
from console.reading.reader import Key
from console.tui.bindings import bindings
from console.tui.details import Details
from console.tui.key_guard import READ, SEEN, KeyGuard, answer
from console.tui.text_field import TextField


class TextDialog(ModalScreen[None]):
    """A text to read, scroll and copy."""

    BINDINGS = bindings(Place.TEXT)

    def __init__(self, title: str, body: Content | str) -> None:
        super().__init__()
        self.guard = KeyGuard(SEEN)
        self._title = title
        self._body = body if isinstance(body, Content) else Content(safe_lines(body))

    def compose(self) -> ComposeResult:
        """A frame with a title around a scrolling text."""
        with Vertical(classes="dialog text") as frame:
            frame.border_title = Content(self._title).markup
            frame.border_subtitle = "Esc close · y copy"
            with VerticalScroll():
                yield Static(self._body, markup=False)

    def on_mount(self) -> None:
        """Arrow keys scroll at once."""
        self.query_one(VerticalScroll).focus()
        self.call_after_refresh(self.guard.shown)

    def action_scroll_body(self, lines: int) -> None:
        """Scroll as j and k do everywhere."""
        self.query_one(VerticalScroll).scroll_relative(y=lines, animate=False)

    def action_scroll_to(self, end: bool) -> None:
        """Scroll to the end, or to the top."""
        body = self.query_one(VerticalScroll)
        body.scroll_end(animate=False) if end else body.scroll_home(animate=False)

    def action_leave(self) -> None:
        """Close it."""
        answer(self)

    def action_copy(self) -> None:
        """Copy the text over the terminal (OSC 52)."""
        self.app.copy_to_clipboard(self._body.plain)
        self.app.notify(f"Copied {len(self._body.plain)} characters.", timeout=2, markup=False)


class DetailsDialog(ModalScreen[None]):
    """The details of a row, where there is no room for them next to the table."""

    BINDINGS = bindings(Place.DETAILS)

    def __init__(
        self, title: str, view: View, key: Key | None, row: Mapping[str, object], source: Source | None
    ) -> None:
        """`title` is that of the pane; `source` answers the detail query of `view`."""
        super().__init__()
        self.guard = KeyGuard(SEEN)
        self._title = title
        self._row = (view, key, row, source)

    def compose(self) -> ComposeResult:
        """The details in a frame."""
        with Vertical(classes="dialog") as frame:
            frame.border_title = self._title
            frame.border_subtitle = "Esc close"
            yield Details()

    def on_mount(self) -> None:
        """Show the row."""
        details = self.query_one(Details)
        details.show_row(*self._row)
        details.focus()
        self.call_after_refresh(self.guard.shown)

    def action_scroll_to(self, end: bool) -> None:
        """Scroll to the end, or to the top."""
        body = self.query_one(Details)
        body.scroll_end(animate=False) if end else body.scroll_home(animate=False)

    def action_leave(self) -> None:
        """Close it."""
        answer(self)


class SortDialog(ModalScreen[str]):
    """Which column to sort by; choosing the current one reverses the order."""

    BINDINGS = bindings(Place.LIST)

    def __init__(self, columns: tuple[Column, ...], sort: str) -> None:
        super().__init__()
        self.guard = KeyGuard(SEEN)
        self._columns = columns
        self._sort = sort

    def compose(self) -> ComposeResult:
        """A list of the columns with the current order."""
        with Vertical(classes="dialog -small") as frame:
            frame.border_title = "Sort by"
            frame.border_subtitle = "Enter sort · Esc close"
            yield OptionList(*(Option(self._label(column), id=column.name) for column in self._columns))

    def on_mount(self) -> None:
        """Start at the current column."""
        names = [column.name for column in self._columns]
        current = self._sort.removeprefix("-")
        self.query_one(OptionList).highlighted = names.index(current) if current in names else 0
        self.call_after_refresh(self.guard.shown)

    def action_leave(self) -> None:
        """Keep the order."""
        answer(self)

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Answer with the column's name."""
        answer(self, event.option.id or "")

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
    """Which file to write to; the suffix chooses the format."""

    BINDINGS = bindings(Place.FORM)

    def __init__(
        self,
        suggestion: str,
        title: str = "Export",
        what: str = "The rows of the table, as raw values. File name (.csv or .json):",
        suffixes: tuple[str, ...] = (".csv", ".json"),
    ) -> None:
        """`what` says what is written, and with which of the `suffixes` the name may end."""
        super().__init__()
        self.guard = KeyGuard(READ, prolonged=True)  # Enter writes a file
        self._suggestion = suggestion
        self._heading, self._what, self._suffixes = title, what, suffixes

    def compose(self) -> ComposeResult:
        """A field for the path, and a line for what is wrong with it."""
        with Vertical(classes="dialog -small") as frame:
            frame.border_title = self._heading
            frame.border_subtitle = "Enter write · Esc close"
            yield Static(self._what, markup=False)
            yield TextField(self._suggestion, submit=self._write)
            yield Static(classes="wrong", markup=False)

    def on_mount(self) -> None:
        """Ignore what is still being typed."""
        self.call_after_refresh(self.guard.shown)

    def action_leave(self) -> None:
        """Write nothing."""
        answer(self)

    def _write(self) -> None:
        """Answer with the path if it can be one."""
        path = Path(self.query_one(TextField).value).expanduser()
        if path.suffix not in self._suffixes:
            self.query_one(".wrong", Static).update(f"The name must end in {' or '.join(self._suffixes)}.")
        else:
            answer(self, path)


class QuitDialog(ModalScreen[bool]):
    """Asks whether to quit while actions are running."""

    BINDINGS = bindings(Place.QUIT)

    def __init__(self, running: int) -> None:
        super().__init__()
        self.guard = KeyGuard(READ, prolonged=True)
        self._count = running

    def compose(self) -> ComposeResult:
        """The question."""
        with Vertical(classes="dialog -small") as frame:
            frame.border_title = "Quit?"
            yield Static(
                f"{counted(self._count, 'action')} still running. Quitting stops what runs; "
                "the same action resumes later.\n\ny quit · n stay",
                markup=False,
            )

    def on_mount(self) -> None:
        """Ignore what is still being typed."""
        self.call_after_refresh(self.guard.shown)

    def action_answer(self, stops: bool) -> None:
        """Answer whether to quit."""
        answer(self, stops)
