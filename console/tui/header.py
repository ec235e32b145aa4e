"""The two lines on top: which server this is, and its metrics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from textual.content import Content
from textual.geometry import Region
from textual.widget import Widget

from console.format import MISSING, one_line, show
from console.model import Facts, Level, Trouble
from console.panes.overview import Metric
from console.tui.charts import sparkline

_STYLES = {Level.WARNING: "bold $text-warning", Level.CRITICAL: "bold $text-error"}
_MARKS = {Level.WARNING: "!", Level.CRITICAL: "!!"}


class Header(Widget):
    """Server and role on the first line, metrics with their recent values on the second."""

    def __init__(self, metrics: Mapping[str, Metric]) -> None:
        super().__init__()
        self._metrics = metrics  # by short name
        self._facts: Facts | None = None
        self._label = ""
        self._trouble: Trouble | None = None
        self._now: Mapping[str, object] = {}
        self._history: Mapping[str, Sequence[float | None]] = {}
        self._lines: tuple[Content, Content] = (Content(""), Content(""))

    def show_server(
        self,
        label: str,
        facts: Facts | None,
        now: Mapping[str, object],
        history: Mapping[str, Sequence[float | None]],
        trouble: Trouble | None = None,
    ) -> None:
        """Show these; a line is redrawn only when its text differs."""
        self._label, self._facts, self._now, self._history, self._trouble = label, facts, now, history, trouble
        lines = (self._server(), self._second())
        for y, (line, shown) in enumerate(zip(lines, self._lines, strict=True)):
            if not line.is_same(shown):
                self.refresh(Region(0, y, self.size.width, 1))
        self._lines = lines

    def on_resize(self) -> None:
        """Cut the lines to the new width."""
        self._lines = (self._server(), self._second())

    def render(self) -> Content:
        """Both lines."""
        return Content("\n").join(self._lines)

    def _server(self) -> Content:
        facts = self._facts
        if facts is None:
            return Content.assemble((f" {one_line(self._label)} ", "bold reverse"), " connecting …")
        parts: list[tuple[str, str] | str] = [(f" {one_line(facts.place)} ", "bold reverse")]
        parts.append((" not reachable", "bold $text-error") if self._trouble else "")
        parts.append((" READ-ONLY", "bold") if facts.read_only else "")
        role = "standby" if self._now.get("standby", facts.standby) else "primary"
        parts.append(f" PostgreSQL {one_line(facts.version_text.split(' ')[0])} {role} ")
        seen, sessions = self._now.get("visible"), self._now.get("used")
        if isinstance(seen, int) and isinstance(sessions, int) and seen < sessions:
            parts.append((f"sees {seen} of {sessions} sessions ", "$text-warning"))
        parts.append(
            (
                f"SUPERUSER {one_line(facts.user)}" if facts.superuser else one_line(facts.user),
                "$text-warning" if facts.superuser else "",
            )
        )
        parts.append(f"@{one_line(facts.database)}")
        parts.append("" if facts.tls else (" no TLS", "$text-muted"))
        return Content.assemble(*parts)

    def _second(self) -> Content:
        parts: list[tuple[str, str] | str] = [" "]
        room = self.size.width
        width = 6 if room < 120 else 12
        x = 1
        for label, metric in self._metrics.items():
            value = self._now.get(metric.column)
            if value is None and not metric.always:
                continue
            text = MISSING if value is None else show(value, metric.format)
            if metric.limit and (limit := self._now.get(metric.limit)) is not None:
                text += f"/{show(limit, metric.format)}"
            level = metric.level(self._now)
            spark = sparkline(self._history.get(metric.column, ()), width) if metric.spark and room >= 60 else ""
            cell = f"{label} {text}{_MARKS.get(level, '')} {spark}".rstrip(" " if not spark else "")
            if x + len(cell) > room:
                break
            shown = (f"{text}{_MARKS.get(level, '')}", _STYLES.get(level, "bold"))
            parts += [(f"{label} ", "$text-muted"), shown, f" {spark}" if spark else "", "  "]
            x += len(cell) + 2
        return Content.assemble(*parts)
