"""The findings on the screen: a block of lines for each, all of its text under the cursor if the user wants it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

from rich.segment import Segment
from textual.events import Click, Hide, Resize, Show
from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

from console.keys import Place
from console.model import Level, Snapshot
from console.reading.reader import Key, keys
from console.records import dataclass
from console.tui.bindings import bindings
from console.tui.finding_lines import FindingLine, finding_lines
from console.tui.later_dialog import LaterDialog
from console.tui.table_styles import NAMES, TableStyles

Look = tuple[str, tuple[Level, bool, bool]]  # text of a line; its severity, is it under the cursor, is it stale
LEVELS = {"critical": Level.CRITICAL, "warning": Level.WARNING}


class FindingBlocks(ScrollView, can_focus=True):
    """A list of findings. The cursor is on the worst one until it is moved; then it stays on its finding."""

    BINDINGS = bindings(Place.FINDINGS)
    COMPONENT_CLASSES: ClassVar[set[str]] = {f"table--{name}" for name in NAMES}
    ALLOW_SELECT = False

    cursor = reactive(0, repaint=False)

    @dataclass()
    class FixChosen(Message):
        """The key for the fix of the finding under the cursor."""

        action: str
        parameters: Mapping[str, str]

    @dataclass()
    class EvidenceChosen(Message):
        """Enter: a pane, its view, and the row that shows the finding."""

        pane: str
        view: str
        row: Mapping[str, object]
        missing: str = ""  # what to say if there is no such row: the evidence may be gone by now

    @dataclass()
    class Rested(Message):
        """Another finding is under the cursor, or another reading of it; None: there is none, or it is not shown."""

        row: Mapping[str, Any] | None

    @dataclass()
    class PutOff(Message):
        """A finding is to be acknowledged: until a time, or until it clears."""

        rule: str
        subject: str
        until: datetime | None = None

    def __init__(self) -> None:
        super().__init__()
        self._rows: list[dict[str, Any]] = []
        self._keys: list[Key] = []
        self._lines: list[FindingLine] = []
        self._chosen_fix: dict[Key, int] = {}
        self._unfolded: Key | None = None
        self._stale = False
        self._seeks = True  # the worst finding, until the cursor is moved
        self._styles = TableStyles(self)
        self._looks: Sequence[Look] = ()  # those of all lines

    # What it shows

    def show(self, snapshot: Snapshot, key: Sequence[str], stale: bool = False) -> None:
        """Show the findings of `snapshot`."""
        former = self.cursor_key
        self._rows, self._keys, self._stale = list(snapshot.records()), keys(snapshot, key), stale
        if self._seeks:
            self.cursor = 0
        elif former in self._keys:
            self.cursor = self._keys.index(former)
        self.cursor = max(0, min(self.cursor, len(self._rows) - 1))
        self._fold()

    def seek_worst(self) -> None:
        """Put the cursor on the worst finding, now and after each read, until it is moved."""
        self.move_to(0)
        self._seeks = True

    @property
    def cursor_key(self) -> Key | None:
        """The key of the finding under the cursor; None without findings."""
        return self._keys[self.cursor] if 0 <= self.cursor < len(self._keys) else None

    @property
    def cursor_row(self) -> dict[str, object] | None:
        """The finding under the cursor."""
        return self._rows[self.cursor] if 0 <= self.cursor < len(self._rows) else None

    @property
    def marked_rows(self) -> list[dict[str, object]]:
        """Findings are not marked."""
        return []

    @property
    def visible_keys(self) -> list[Key]:
        """All findings: nothing is looked up for them."""
        return []

    def _fold(self) -> None:
        """Lay the blocks out for the size, the cursor and the fixes that are offered."""
        width = self.scrollable_content_region.width or self.size.width
        fixes = [self._fix(at) for at in range(len(self._rows))]
        unfolded = self._unfolded is not None and self._unfolded == self.cursor_key
        self._lines = finding_lines(self._rows, fixes, self.cursor, width, self.size.height, unfolded=unfolded)
        self.virtual_size = Size(width, len(self._lines))
        looks = [self._look(line) for line in self._lines]
        if looks != self._looks:  # most reads find what the one before found
            self._looks = looks
            self.refresh()
        self.post_message(self.Rested(self.cursor_row if self.display else None))

    def _fix(self, at: int) -> Mapping[str, Any] | None:
        fixes = self._rows[at]["fixes"]
        return fixes[self._chosen_fix.get(self._keys[at], 0) % len(fixes)] if fixes else None

    # Painting

    def render_lines(self, crop: Region) -> list[Strip]:
        """A part of the lines. Without a border or padding there is nothing that Textual would add."""
        strips = [self.render_line(y) for y in crop.line_range]
        whole = crop.x == 0 and crop.right >= self.size.width
        return strips if whole else [strip.crop(*crop.column_span) for strip in strips]

    def render_line(self, y: int) -> Strip:
        """One line of the screen."""
        width = self.size.width
        at = self.scroll_offset.y + y
        if at >= len(self._looks):
            return Strip.blank(width, self._styles.of("base"))
        text, look = self._looks[at]
        style = self._styles.cell(*look)
        return Strip([Segment(text, style)]).adjust_cell_length(width, style)

    def _look(self, line: FindingLine) -> Look:
        level = LEVELS.get(str(self._rows[line.finding]["level"]), Level.OK) if line.head else Level.OK
        return line.text, (level, line.head and line.finding == self.cursor, self._stale)

    def on_resize(self, event: Resize) -> None:
        """Lay the blocks out for the new size."""
        del event
        self._fold()

    def watch_show_vertical_scrollbar(self) -> None:
        """The scroll bar takes a cell from the lines."""
        self.call_after_refresh(self._fold)

    def on_hide(self, event: Hide) -> None:
        """Another view is shown."""
        del event
        self.post_message(self.Rested(None))

    def on_show(self, event: Show) -> None:
        """The findings are shown again."""
        del event
        self.post_message(self.Rested(self.cursor_row))

    def notify_style_update(self) -> None:
        """Compute the styles of the new theme."""
        super().notify_style_update()
        self._styles.forget()

    # Keys

    def move_to(self, finding: int) -> None:
        """Put the cursor on a finding and bring its block onto the screen."""
        self._seeks = False
        self.cursor = max(0, min(finding, len(self._rows) - 1))
        self._unfolded = self._unfolded if self._unfolded == self.cursor_key else None
        self._fold()
        self._bring_into_view()

    def _bring_into_view(self) -> None:
        """Scroll to the block under the cursor, to its beginning if not all of it fits."""
        mine = [at for at, line in enumerate(self._lines) if line.finding == self.cursor]
        if mine:
            top, height = self.scroll_offset.y, max(1, self.size.height)
            self.scroll_to(y=min(mine[0], max(top, mine[-1] - height + 1)), animate=False)

    def action_move(self, findings: int) -> None:
        """Some findings up or down."""
        self.move_to(self.cursor + findings)

    def action_move_to(self, finding: int) -> None:
        """The first or the last finding."""
        self.move_to(finding if finding >= 0 else len(self._rows) - 1)

    def action_unfold(self) -> None:
        """Show all that the finding under the cursor says, or four lines of it again."""
        self._seeks = False
        self._unfolded = None if self._unfolded == self.cursor_key else self.cursor_key
        self._fold()
        self._bring_into_view()

    def action_other_fix(self, step: int) -> None:
        """Offer the next fix of the finding under the cursor."""
        key = self.cursor_key
        if key is not None:
            self._seeks = False
            self._chosen_fix[key] = self._chosen_fix.get(key, 0) + step
            self._fold()

    def action_fix(self) -> None:
        """Ask for the plan of the fix that is offered."""
        fix = self._fix(self.cursor) if self.cursor_row else None
        if fix is None:
            self.notify("No action fixes this.", timeout=3, markup=False)
        else:
            self.post_message(self.FixChosen(fix["action"], fix["parameters"]))

    def action_evidence(self) -> None:
        """Go to what shows the finding under the cursor."""
        row = self._rows[self.cursor] if self.cursor_row else None
        shown = next((fact for fact in row["evidence"] if fact["pane"]), None) if row else None
        if shown is None:
            self.notify("No pane shows more of this.", timeout=3, markup=False)
        else:
            self.post_message(self.EvidenceChosen(shown["pane"], shown["view"], shown["row"]))

    def action_later(self) -> None:
        """Acknowledge the finding under the cursor until it clears; once more: let it count again."""
        row = self._rows[self.cursor] if self.cursor_row else None
        if row:
            self._seeks = False  # the same key undoes it
            self.post_message(self.PutOff(row["rule"], row["subject"]))

    def action_later_until(self) -> None:
        """Ask for how long the finding under the cursor is acknowledged."""
        row = self._rows[self.cursor] if self.cursor_row else None
        if row is None or not self.screen.is_active:
            return

        def answered(duration: timedelta | None) -> None:
            if duration is not None:
                self.post_message(self.PutOff(row["rule"], row["subject"], datetime.now(UTC) + duration))

        self.app.push_screen(LaterDialog(), answered)

    def on_click(self, event: Click) -> None:
        """A click chooses a finding."""
        at = self.scroll_offset.y + event.y
        if at < len(self._lines):
            self.move_to(self._lines[at].finding)
