"""Which panes the findings concern: those that show their evidence. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

from console.model import Finding, Level
from console.records import dataclass

MARKS = {Level.WARNING: "!", Level.CRITICAL: "!!"}
STYLES = {Level.WARNING: "bold $text-warning", Level.CRITICAL: "bold $text-error"}


@dataclass(frozen=True, slots=True)
class Concern:
    """The findings that one pane has evidence of."""

    level: Level  # the worst
    count: int

    @property
    def text(self) -> str:
        """As the title of a pane has it: "!! 2 findings"."""
        return f"{self.mark} {self.count} finding{'s' if self.count > 1 else ''}"

    @property
    def mark(self) -> str:
        """As its tab has it."""
        return MARKS.get(self.level, "")

    @property
    def style(self) -> str:
        """The colour of its level."""
        return STYLES.get(self.level, "")


Concerns = Mapping[str, Concern]  # by the name of the pane


def concerns(findings: Iterable[Finding]) -> Concerns:
    """The warnings and critical findings of each pane."""
    found: dict[str, list[Level]] = defaultdict(list)
    for finding in findings:
        if finding.level in MARKS:
            for pane in {each.pane for each in finding.evidence if each.pane}:
                found[pane].append(finding.level)
    return {pane: Concern(max(levels), len(levels)) for pane, levels in found.items()}
