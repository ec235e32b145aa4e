"""The plan of an action as a dialog. Nothing runs that was not confirmed in it."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from console.format import in_form, one_line, safe, show
from console.keys import Place
from console.model import Plan, Snapshot, Trouble
from console.running.plan_lines import Sort, plan_lines, table_format, table_title
from console.tui.background import in_place
from console.tui.bindings import bindings
from console.tui.key_guard import READ, KeyGuard, answer
from console.tui.text_field import TextField

if TYPE_CHECKING:
    from console.actions.planning import Action

Parts = list[tuple[str, str] | str]
FORECAST_PERIOD = 2.0  # seconds after which who will wait is looked up again
NARROWEST = 12  # cells that a column is worth showing in
INDENTED = {Sort.FACT: "   ", Sort.UNDO: "   ", Sort.SQL: "   "}
STYLES = {
    Sort.SUMMARY: "bold",
    Sort.HEADING: "bold",
    Sort.STEP: "bold $accent",
    Sort.FACT: "$text-muted",
    Sort.UNDO: "$text-muted",
}


class PlanDialog(ModalScreen[bool]):
    """Every statement with its lock, its estimate and its undo; a destructive plan is confirmed by typing a name.

    Keys are ignored until the plan has been on the screen for a moment and nobody has typed for as long; until then
    the dialog does not say which keys it takes.
    """

    BINDINGS = bindings(Place.PLAN)

    def __init__(self, action: Action, plan: Plan, again: Callable[[Plan], Awaitable[Plan]] | None = None) -> None:
        """`again` returns the plan with who will wait now; nothing else of what is shown changes."""
        super().__init__()
        self._again = again
        self._action, self._plan = action, plan
        self.guard = KeyGuard(READ, prolonged=True)

    def compose(self) -> ComposeResult:
        """The plan as text; below it the field for the name where one is asked for."""
        with Vertical(classes="dialog") as frame:
            frame.border_title = f"Plan: {self._action.title}"
            with VerticalScroll():
                yield Static(self._text(), markup=False, id="plan")
            if self._plan.destructive:
                yield Static(f"Type {safe(self._plan.claim.typed)} to run this:", classes="wrong", markup=False)
                yield TextField(submit=self._confirm)

    def on_mount(self) -> None:
        """Begin at the top of the plan."""
        (self.query_one(TextField) if self._plan.destructive else self.query_one(VerticalScroll)).focus()
        self.call_after_refresh(self.guard.shown)
        self.set_interval(0.1, self._show_keys)
        if self._again is not None and any(step.forecast and step.forecast.blocks for step in self._plan.steps):
            self.set_interval(FORECAST_PERIOD, lambda: in_place(self, "forecast", self._forecast))

    async def _forecast(self) -> None:
        """Show who will wait as it is now."""
        if self._again is None:
            return
        with contextlib.suppress(Trouble):  # what was read for the plan stays
            self._plan = await self._again(self._plan)
            self.query_one("#plan", Static).update(self._text())

    def _text(self) -> Content:
        return plan_text(self._plan, min(132, self.app.size.width * 96 // 100) - 6)

    def _show_keys(self) -> None:
        confirm = "type the name, Enter run · PgDn scroll" if self._plan.destructive else "r run"
        self.query_one(".dialog").border_subtitle = f"{confirm} · Esc close" if self.guard.ready else "…"

    def action_run(self) -> None:
        """Run it, unless a name must be typed."""
        if not self._plan.destructive:
            answer(self, True)

    def action_leave(self) -> None:
        """Run nothing."""
        answer(self, False)

    def action_scroll_body(self, lines: int) -> None:
        """Scroll the plan by lines."""
        self.query_one(VerticalScroll).scroll_relative(y=lines, animate=False)

    def action_scroll_to(self, end: bool) -> None:
        """Scroll to the end, or to the top."""
        body = self.query_one(VerticalScroll)
        body.scroll_end(animate=False) if end else body.scroll_home(animate=False)

    def action_scroll_page(self, pages: int) -> None:
        """Scroll the plan by pages, also while a name is typed."""
        body = self.query_one(VerticalScroll)
        body.scroll_relative(y=pages * max(1, body.size.height - 1), animate=False)

    def _confirm(self) -> None:
        """Run it if the name is right."""
        if self.query_one(TextField).value == self._plan.claim.typed:
            answer(self, True)
        else:
            self.query_one(".wrong", Static).update(
                f"Name does not match. Type {safe(self._plan.claim.typed)} to run this:"
            )


def plan_text(plan: Plan, room: int) -> Content:
    """A plan as it is shown before it runs; its table takes at most `room` cells a line."""
    parts: Parts = []
    for line in plan_lines(plan):
        match line.sort:
            case Sort.SUBJECT:
                parts += [("Acts on  ", "bold"), f"{line.text}\n"]
            case Sort.NOTE:
                parts.append(f"· {in_form(line.text)}\n")
            case Sort.TABLE if plan.table is not None:
                parts += _table(plan.table, room)
            case sort:
                parts.append((f"{INDENTED.get(sort, '')}{line.text}\n", STYLES.get(sort, "")))
    return Content.assemble(*parts)


def _table(table: Snapshot, room: int) -> Parts:
    """The table in at most `room` cells a line: columns as they fit, the last of them cut."""
    titles = [table_title(name) for name in table.columns]
    rows = (
        [one_line(show(value, table_format(name))) for name, value in zip(table.columns, row, strict=True)]
        for row in table.rows
    )
    lines = [titles, *rows]
    widths = [min(32, max(len(line[at]) for line in lines)) for at in range(len(table.columns))]
    shown: list[int] = []
    for width in widths:
        left = room - sum(shown) - 2 * len(shown)
        if left < min(width, NARROWEST):
            break
        shown.append(min(width, left))
    text = ["  ".join(f"{cell[:width]:<{width}}" for cell, width in zip(line, shown, strict=False)) for line in lines]
    return [(text[0], "bold underline"), "\n", "\n".join(text[1:]), "\n"]
