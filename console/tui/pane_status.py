"""The line below a table: why it cannot be read, that it is empty, or the notes of the last read."""

from __future__ import annotations

from textual.content import Content
from textual.widgets import Static

from console.format import age, one_line, safe
from console.model import Kind, Snapshot, Trouble, View
from console.reading.filtering import NO_MATCH

MOST_LINES = 4  # of a status: the style sheet says the same


class StatusLine(Static):
    """Shows one text; hidden without one."""

    def __init__(self) -> None:
        super().__init__(classes="status", markup=False)
        self._shown = ""

    def show_status(self, text: str, is_trouble: bool) -> None:
        """Show `text`."""
        if text == self._shown:
            return
        self._shown = text
        self.update(Content(text), layout=False)
        self.display = bool(text)
        self.set_class(is_trouble, "-trouble")
        wanted = self.get_content_height(self.container_size, self.app.size, self.content_size.width)
        if self.content_size.height != min(wanted, MOST_LINES):
            self.refresh(layout=True)  # of the whole screen; a text that only counts the seconds needs none


def status(view: View, last: Snapshot | None, rows: int, filter_text: str) -> str:
    """The status of a successful read, of which `rows` are shown."""
    if last is None:
        return "reading …"
    if not rows and (filter_text or (view.empty and not last.is_partial)):
        return f"{NO_MATCH} Esc clears it." if filter_text else view.empty
    return "  ".join(one_line(note) for note in last.notes)


def trouble_status(trouble: Trouble, last: Snapshot | None, retry_in: float, now: float) -> str:
    """What is wrong, the age of the rows, and when the next attempt is due; `now` is on the clock of snapshots."""
    parts: list[str] = []
    if trouble.kind is Kind.UNREACHABLE:
        parts.append(f"Next attempt in {retry_in:.0f} s." if retry_in >= 0.5 else "Connecting …")
    if last is not None and trouble.kind is not Kind.BUSY:
        parts.append(f"Rows are {age(now - last.clock)} old.")
    parts += [safe(trouble.sentence), safe(trouble.remedy)]
    return " ".join(part for part in parts if part)
