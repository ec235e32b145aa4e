"""The findings in lines: a block of at most four for each, or one, and what the block under the cursor leaves out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from enum import Enum, auto
from typing import Any

from textual.content import Content

from console.format import one_line
from console.records import dataclass
from console.tui.table_lines import fit

MARKS = {"critical": "!!", "warning": "! "}
INDENT = "    "
MOST = 4  # lines of a block that is not unfolded
MORE = "Space shows the whole text"


class Says(Enum):
    """What a part of a block says, in the order of the screen."""

    WHAT = auto()
    DETAIL = auto()
    SYMPTOMS = auto()
    MUTED = auto()
    FIX = auto()


# Which part gets the next line of a block that has too few. A sentence may name its culprit in its second line.
_TURNS = (
    *(Says.WHAT, Says.FIX, Says.WHAT, Says.MUTED, Says.SYMPTOMS, Says.WHAT, Says.DETAIL, Says.WHAT, Says.DETAIL),
    *(Says.SYMPTOMS, Says.FIX, Says.DETAIL, Says.SYMPTOMS, Says.FIX),
)


@dataclass(frozen=True, slots=True)
class FindingLine:
    """One line of a block, or below all blocks."""

    finding: int  # which one it belongs to
    text: str
    head: bool = False


@dataclass(frozen=True, slots=True)
class FindingPart:
    """What a block says of one thing, in as many lines as it takes."""

    says: Says
    lines: Sequence[FindingLine]
    end: str = ""  # of its text, which stays where the rest is cut


Block = list[FindingLine]


def finding_lines(
    rows: Sequence[Mapping[str, Any]],
    fixes: Sequence[Mapping[str, Any] | None],
    cursor: int,
    width: int,
    height: int,
    *,
    unfolded: bool = False,
) -> Block:
    """The lines of the findings `rows`, with the fix that is offered for each, for `height` lines of `width` cells.

    A block has at most four lines. If not all fit, only the one under the cursor has more than one. What that one
    leaves out follows all blocks where there is room for it, else how to see it; with `unfolded` it is in the block.
    """
    parts = [_parts(at, row, fix, width) for at, (row, fix) in enumerate(zip(rows, fixes, strict=True))]
    blocks = [_shortened(block, width) for block in parts]
    if unfolded and parts:
        blocks[cursor] = [line for part in parts[cursor] for line in part.lines]
    if sum(map(len, blocks)) > height:
        blocks = [block if at == cursor else _cut(parts[at][0], 1, width) for at, block in enumerate(blocks)]
    lines = [line for block in blocks for line in block]
    rest = _left_out(parts[cursor], blocks[cursor]) if parts else []
    if len(lines) + len(rest) > height:
        rest = [FindingLine(cursor, fit(f"{INDENT}{MORE}", width, right=False))] if len(lines) < height else []
    return [*lines, *rest]


def _parts(at: int, row: Mapping[str, Any], fix: Mapping[str, Any] | None, width: int) -> list[FindingPart]:
    """What a block says: the sentence, what is known of it, what it explains, when it was put off, and the fix."""
    texts = {Says.DETAIL: one_line(row["detail"])} if row["detail"] else {}
    if row["explains"]:
        texts[Says.SYMPTOMS] = f"also explains: {one_line(' · '.join(row['explains']))}"
    if row["muted"]:
        texts[Says.MUTED] = one_line(row["muted"])
    others = f"  (→ {len(row['fixes']) - 1} more)" if len(row["fixes"]) > 1 else ""
    if fix:
        texts[Says.FIX] = f"f  {one_line(fix['effect'])}{others}"
    head = [FindingLine(at, line, head=True) for line in _wrapped(one_line(row["sentence"]), _mark(row), width)]
    return [
        FindingPart(Says.WHAT, head),
        *(
            FindingPart(
                says, [FindingLine(at, line) for line in _wrapped(text, INDENT, width)], others * (says is Says.FIX)
            )
            for says, text in texts.items()
        ),
    ]


def _shortened(parts: Sequence[FindingPart], width: int) -> Block:
    """A block in at most four lines: of each part what fits, the sentence and the fix first."""
    has = {part.says: len(part.lines) for part in parts}
    given = dict.fromkeys(has, 0)
    for says in _TURNS:
        if sum(given.values()) < MOST and given.get(says, 0) < has.get(says, 0):
            given[says] += 1
    return [line for part in parts for line in _cut(part, given[part.says], width)]


def _left_out(parts: Iterable[FindingPart], block: Block) -> Block:
    """The parts of which a block lacks something, each of them whole, after an empty line."""
    found = [line for part in parts if not set(part.lines) <= set(block) for line in part.lines]
    return [FindingLine(found[0].finding, ""), *(replace(line, head=False) for line in found)] if found else []


def _cut(part: FindingPart, most: int, width: int) -> Block:
    """The first `most` lines of a part; the last one ends in an ellipsis if there are more."""
    if len(part.lines) <= most or not most:
        return list(part.lines[:most])
    last = part.lines[most - 1]
    text = " ".join([last.text, *(line.text.strip() for line in part.lines[most:])]).removesuffix(part.end.strip())
    cut = fit(text, max(1, width - len(part.end)), right=False) + part.end
    return [*part.lines[: most - 1], FindingLine(last.finding, cut, last.head)]


def _mark(row: Mapping[str, Any]) -> str:
    return " z" if row["muted"] else MARKS.get(row["level"], "  ")


def _wrapped(text: str, mark: str, width: int) -> list[str]:
    """`text` after `mark` in lines of `width` cells; those after the first are indented."""
    room = max(10, width - len(INDENT))
    first, *others = Content(text).wrap(room) or [Content("")]
    return [f"{mark}{first.plain.rstrip()}", *(f"{INDENT}{line.plain.rstrip()}" for line in others)]
