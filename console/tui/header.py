"""The two lines on top: which server this is, and its metrics."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from textual.content import Content
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from console.format import MISSING, one_line, show
from console.model import Facts, Finding, Level, Trouble
from console.panes.metrics import HEADER, Metric
from console.reading.sparkline import sparkline
from console.records import dataclass
from console.tui.own_lines import OwnStyles
from console.tui.table_lines import cut

_STYLES = {Level.WARNING: "bold $text-warning", Level.CRITICAL: "bold $text-error"}
WIDE = 120  # cells from which a sparkline is longer
GAP = 2  # cells between two metrics
MORE = 5  # cells for the number of alarms without room

_MARKS = {Level.WARNING: "!", Level.CRITICAL: "!!"}


@dataclass(frozen=True, slots=True)
class LineForm:
    """How long the first line is: what it says stays, each part in fewer cells."""

    product: str = "PostgreSQL"
    marks: bool = False  # findings are counted with the mark of their level, not its name
    names: int = 63  # most cells of a role or database
    place: int = 1000  # most cells of the server's name


FORMS = (
    LineForm(),
    LineForm("PG"),
    LineForm("PG", marks=True),
    LineForm("PG", marks=True, names=16),
    LineForm("PG", marks=True, names=16, place=24),
    LineForm("PG", marks=True, names=9, place=16),
)


class Header(Widget):
    """Server and role on the first line; on the second the metrics, alarms before others, with their recent values."""

    def __init__(self, metrics: Mapping[str, Metric]) -> None:
        super().__init__()
        self._metrics = metrics  # by short name
        self._facts: Facts | None = None
        self._label = ""
        self._trouble: Trouble | None = None
        self._moment = ""
        self._now: Mapping[str, object] = {}
        self._history: Mapping[str, Sequence[float | None]] = {}
        self._findings: Counter[Level] = Counter()
        self._lines: tuple[Content, Content] = (Content(""), Content(""))
        self._says: tuple[object, ...] = ()  # what the first line was made of, and what came of it
        self._said = Content("")
        self._styles = OwnStyles(self)
        self._painted: dict[int, tuple[Content, Strip]] = {}  # by line: what is on the screen

    def show_server(
        self,
        label: str,
        facts: Facts | None,
        now: Mapping[str, object],
        history: Mapping[str, Sequence[float | None]],
        trouble: Trouble | None = None,
        *,
        findings: Sequence[Finding] = (),
        moment: str = "",
    ) -> None:
        """Show these, and how many findings there are; a line is redrawn only when its text differs.

        `moment` says that all of it is the past, and since when; empty: it is the present.
        """
        self._moment = moment
        self._label, self._facts, self._now, self._history, self._trouble = label, facts, now, history, trouble
        self._findings = Counter(finding.level for finding in findings)
        server, second = (
            shown if line.is_same(shown) else line
            for line, shown in zip((self._server(), self._second()), self._lines, strict=True)
        )
        for y, (line, shown) in enumerate(zip((server, second), self._lines, strict=True)):
            if line is not shown:
                self.refresh(Region(0, y, self.size.width, 1))
        self._lines = server, second

    def on_resize(self) -> None:
        """Cut the lines to the new width."""
        self._lines = (self._server(), self._second())

    def notify_style_update(self) -> None:
        """Compute the styles of the new theme."""
        super().notify_style_update()
        self._styles.forget()
        self._painted.clear()

    def render(self) -> Content:
        """Both lines."""
        return Content("\n").join(self._lines)

    def render_lines(self, crop: Region) -> list[Strip]:
        """A part of the lines; a line that is the same as before is not made again."""
        if self.text_selection is not None:  # Textual marks what is selected
            return super().render_lines(crop)
        lines = [self._line(y) for y in crop.line_range]
        whole = crop.x == 0 and crop.right >= self.size.width
        return lines if whole else [line.crop(*crop.column_span) for line in lines]

    def _line(self, y: int) -> Strip:
        text, line = self._painted.get(y, (None, None))
        if line is None or text is not self._lines[y] or line.cell_length != self.size.width:
            line = self._styles.line(self._lines[y], self.size.width)
            self._painted[y] = self._lines[y], line
        return line

    def _server(self) -> Content:
        """The first line, in the longest form that fits; made again when something that it says differs."""
        seen = (self._now.get(name) for name in ("standby", "visible", "used"))
        says = (self._facts, self._label, self._trouble, self._moment, self.size.width, *seen, *self._findings.items())
        if says != self._says:
            self._says, self._said = says, self._made_server()
        return self._said

    def _made_server(self) -> Content:
        facts = self._facts
        if facts is None:
            return Content.assemble((f" {one_line(self._label)} ", "bold reverse"), " connecting …")
        for form in FORMS:
            line = self._facts_in(facts, form)
            if line.cell_length <= self.size.width:
                return line
        return line.truncate(max(1, self.size.width), ellipsis=True)

    def _facts_in(self, facts: Facts, form: LineForm) -> Content:
        place = cut(one_line(facts.place), form.place, 1 / 2)
        parts: list[tuple[str, str] | str] = [(f" {place} ", "bold reverse")]
        parts += [(f" {self._moment} ", "bold reverse $text-warning")] if self._moment else []
        parts += [
            (f" {self._findings[level]}{_MARKS[level] if form.marks else f' {level.name.lower()}'}", _STYLES[level])
            for level in (Level.CRITICAL, Level.WARNING)
            if self._findings[level]
        ]
        parts.append((" not reachable", "bold $text-error") if self._trouble else "")
        parts.append((" READ-ONLY", "bold") if facts.read_only else "")
        role = "standby" if self._now.get("standby", facts.standby) else "primary"
        parts.append(f" {form.product} {one_line(facts.version_text.split(' ')[0])} {role} ")
        seen, sessions = self._now.get("visible"), self._now.get("used")
        if isinstance(seen, int) and isinstance(sessions, int) and seen < sessions:
            parts.append((f"sees {seen} of {sessions} sessions ", "$text-warning"))
        user, assumed_by, database = (
            cut(one_line(name), form.names, 1 / 2) for name in (facts.user, facts.assumed_by, facts.database)
        )
        parts.append((f"SUPERUSER {user}" if facts.superuser else user, "$text-warning" if facts.superuser else ""))
        parts.append((f" (SUPERUSER {assumed_by})", "$text-warning") if assumed_by else "")
        parts.append(f"@{database}")
        parts.append("" if facts.tls else (" no TLS", "$text-muted"))
        return Content.assemble(*parts)

    def _second(self) -> Content:
        """The metrics: abnormal ones first, worst first; then the usual ones; sparklines in the room that is left."""
        metrics = sorted(self._shown(), key=lambda each: -each.level)  # stable: the order of the declaration
        room = self.size.width - 1
        fitting = _fitting(metrics, room)
        left = len([each for each in metrics[len(fitting) :] if each.level >= Level.WARNING])
        room -= sum(each.width + GAP for each in fitting) - GAP
        parts: list[tuple[str, str] | str] = [" "]
        for each in fitting:
            spark = each.spark if room > len(each.spark) else ""
            room -= len(spark) + 1 if spark else 0
            parts += [(f"{each.label} ", "$text-muted"), (each.text, _STYLES.get(each.level, "bold"))]
            parts += [f" {spark}" if spark else "", " " * GAP]
        return Content.assemble(*parts[:-1], (f" +{left}!", _STYLES[Level.CRITICAL]) if left else "")

    def _shown(self) -> Iterator[_Cell]:
        width = 6 if self.size.width < WIDE else 12
        for label, metric in self._metrics.items():
            value = self._now.get(metric.column)
            if value is None and not metric.always:
                continue
            level = metric.level(self._now)
            if label not in HEADER and level < Level.WARNING:
                continue
            text = MISSING if value is None else show(value, metric.format)
            if metric.limit and (limit := self._now.get(metric.limit)) is not None:
                text += f"/{show(limit, metric.format)}"
            spark = sparkline(self._history.get(metric.column, ()), width) if metric.spark else ""
            yield _Cell(label, f"{text}{_MARKS.get(level, '')}", level, spark)


@dataclass(frozen=True, slots=True)
class _Cell:
    """One metric as it is shown."""

    label: str
    text: str  # the value with its mark
    level: Level
    spark: str  # its recent values; empty: not drawn

    @property
    def width(self) -> int:
        """Its cells, without the sparkline."""
        return len(self.label) + 1 + len(self.text)


def _fitting(metrics: Sequence[_Cell], room: int) -> list[_Cell]:
    """The first of `metrics`, as many as fit into `room`, with cells kept for the number of alarms that do not."""
    fitting: list[_Cell] = []
    used = 0
    for each in metrics:
        more = [other for other in metrics[len(fitting) + 1 :] if other.level >= Level.WARNING]
        if used + each.width + (MORE if more else 0) > room:
            break
        fitting.append(each)
        used += each.width + GAP
    return fitting
