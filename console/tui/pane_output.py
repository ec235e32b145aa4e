"""What leaves a pane: rows that are exported to a file, a row that is copied, the statements behind a view."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TypeVar

from textual.screen import Screen
from textual.widget import Widget

from console.format import counted, safe
from console.model import Pane, Snapshot, Source, Trouble, View
from console.reading.export import save
from console.tui.background import in_background, in_place
from console.tui.dialogs import ExportDialog, SortDialog, TextDialog
from console.tui.pane_rows import PaneRows
from console.tui.pane_text import UNREAD, Copied, beginning_of, copied_query, copied_text, export_name, only_beginning

Answer = TypeVar("Answer")


def copy_row(pane: Widget, view: View, rows: PaneRows) -> None:
    """Copy the whole query of the row under the cursor, else the row, to the clipboard of the user's terminal.

    A beginning that went there would be a DELETE without its WHERE: where the rest cannot be read, it cannot run.
    """
    row, key = rows.widget.cursor_row, rows.widget.cursor_key
    if row is None:
        toast(pane, "No row to copy.")
    elif not (beginning := beginning_of(view, row)):
        _copy(pane, Copied(copied_text(view, row)))
    elif view.detail and (source := rows.details_source()) is not None:
        parameters = dict(zip(view.key, key or (), strict=True))
        in_place(pane, "copy", _copy_whole, pane, source, view.detail, parameters, beginning)
    else:
        _copy(pane, only_beginning(beginning, UNREAD))


async def _copy_whole(
    pane: Widget, source: Source, detail: str, parameters: Mapping[str, object], beginning: str
) -> None:
    try:
        copied = copied_query(beginning, await source.fetch(detail, parameters))
    except Trouble as why:
        copied = only_beginning(beginning, safe(why))
    _copy(pane, copied)


def _copy(pane: Widget, copied: Copied) -> None:
    pane.app.copy_to_clipboard(copied.text)
    toast(pane, copied.message)


def export_rows(widget: Widget, pane: Pane, view: View, rows: Snapshot | None, source: Source | None) -> None:
    """Ask for a file, and write `rows` to it."""
    if rows is None or source is None:
        toast(widget, "No rows to export.")
        return

    def answered(path: Path | None) -> None:
        if path is not None:
            write = partial(save, path, pane.name, view.name, rows, source.facts)
            in_background(widget, "export", _write, widget, write, rows, path)

    _open(widget, ExportDialog(export_name(pane, view)), answered)


def choose_order(pane: Widget, view: View, order: str, answered: Callable[[str | None], None]) -> None:
    """Ask for the column to sort by; now it is `order`."""
    _open(pane, SortDialog(view.columns, order), answered)


def show_statements(pane: Widget, title: str, text: str) -> None:
    """Show the statements behind a view."""
    _open(pane, TextDialog(f"SQL of {title}", text))


def toast(pane: Widget, text: str) -> None:
    """Say for a moment what became of a key."""
    pane.notify(text, timeout=3, markup=False)


def _open(pane: Widget, dialog: Screen[Answer], answered: Callable[[Answer | None], None] | None = None) -> None:
    """Open a dialog, unless a key that was pressed before has just opened another."""
    if pane.screen.is_active:
        pane.app.push_screen(dialog, answered)


async def _write(widget: Widget, write: Callable[[], None], rows: Snapshot, path: Path) -> None:
    try:
        await asyncio.to_thread(write)
    except Trouble as why:
        widget.app.push_screen(TextDialog("Export", safe(why)))
    else:
        toast(widget, f"{counted(len(rows.rows), 'row')} written to {safe(path)}")
