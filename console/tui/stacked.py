"""A whole and its parts on one line: a legend, and a bar in which each part has its share. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from textual.content import Content

from console.format import count
from console.model import Snapshot, number
from console.panes.connections import BUSY, IDLE_IN_TRANSACTION
from console.records import dataclass
from console.tui.vitals import Metrics

NARROWEST = 12  # cells of a bar that can be read
GAP = "  "
STATES: Mapping[str, tuple[str, str]] = {  # of connections, with their glyphs and styles
    "active": ("█", "$accent"),
    "waiting": ("▓", "bold"),
    "idle in tx": ("▒", "bold"),
    "idle": ("░", "$text-muted"),
    "other": ("≈", "$text-muted"),
}
ELSEWHERE = frozenset({"parallel", "autovacuum", "background", "walsender"})  # they take no connection of clients


@dataclass(frozen=True, slots=True)
class Share:
    """A part of a whole: how many, and how it is drawn."""

    label: str
    number: int
    glyph: str
    style: str = ""
    of: str = ""  # behind the number: of how many

    @property
    def legend(self) -> str:
        """What the line says about it."""
        return f"{self.glyph} {self.label} {count(self.number)}{self.of}"


def stacked(parts: Sequence[Share], width: int) -> Content:
    """`parts` that are not 0, as a line of `width` cells; of the legend as much as leaves room for the bar."""
    shown = [part for part in parts if part.number > 0]
    named: list[Share] = []
    room = width - NARROWEST
    for part in shown:
        if len(part.legend) + len(GAP) <= room:
            named.append(part)
            room -= len(part.legend) + len(GAP)
    pieces: list[tuple[str, str] | str] = []
    for part in named:
        pieces += [(part.glyph, part.style), f"{part.legend[1:]}{GAP}"]
    cells = shares([part.number for part in shown], NARROWEST + room)
    pieces += [(part.glyph * wide, part.style) for part, wide in zip(shown, cells, strict=True)]
    return Content.assemble(*pieces)


def shares(numbers: Sequence[int], width: int) -> list[int]:
    """How many of `width` cells each of some positive numbers gets: at least one, the largest what is left over."""
    total = sum(numbers)
    cells = [max(1, int(each / total * width)) for each in numbers]
    if cells:
        cells[numbers.index(max(numbers))] += width - sum(cells)
    return [max(0, each) for each in cells]


def connection_states(snapshot: Snapshot, width: int, height: int, metrics: Metrics) -> Content:
    """What the connections are in, and how many more ordinary roles may open, from the metrics of the header."""
    del height
    numbers = dict.fromkeys(STATES, 0)
    for state, blockers in zip(snapshot.values("state"), snapshot.values("blockers"), strict=True):
        if (name := _state(state, bool(blockers))) in numbers:
            numbers[name] += 1
    usable, used = int(number(metrics.now.get("usable"))), int(number(metrics.now.get("used")))
    free = Share("free", max(0, usable - used), "▁", "$text-muted", f" of {count(usable)}")
    return stacked([*(Share(name, numbers[name], *drawn) for name, drawn in STATES.items()), free], width)


def _state(state: object, waits: bool) -> str:
    """The group of a session; empty: it takes no connection of clients."""
    if waits:
        return "waiting"
    if state in IDLE_IN_TRANSACTION:
        return "idle in tx"
    if state in ELSEWHERE:
        return ""
    return "active" if state in BUSY else "idle" if state == "idle" else "other"
