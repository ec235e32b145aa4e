"""What proves a finding, as text next to the list of findings. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from textual.content import Content

from console.format import one_line
from console.panes import PANES

WIDEST = 26  # cells of a label


def evidence(row: Mapping[str, Any] | None) -> Content:
    """The facts behind a finding with the pane of each, and what it explains; empty without any.

    `row` is one of the source `findings`; None: there is no finding under the cursor.
    """
    facts: Sequence[Mapping[str, Any]] = row["evidence"] if row else ()
    if row is None or not (facts or row["explains"]):
        return Content("")
    parts: list[tuple[str, str] | str] = [("Evidence\n", "bold")]
    names = min(WIDEST, max((len(one_line(fact["label"])) for fact in facts), default=0))
    titles = {pane.name: f"{pane.key} {pane.title}" for pane in PANES}
    for fact in facts:
        parts += [(f"{one_line(fact['label']):<{names}}  ", "$text-muted"), one_line(fact["value"])]
        where = titles.get(fact["pane"], "")
        parts += [(f"{'  ' if fact['value'] else ''}{where}\n" if where else "\n", "$text-muted")]
    for symptom in row["explains"]:
        parts += [("also explains  ", "$text-muted"), f"{one_line(symptom)}\n"]
    return Content.assemble(*parts).rstrip("\n")
