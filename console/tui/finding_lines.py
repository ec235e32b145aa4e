"""The findings in lines: a block for each, and how much of it where not all of them fit on the screen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from textual.content import Content

from console.format import one_line
from console.records import dataclass
from console.tui.table_lines import fit

MARKS = {"critical": "!!", "warning": "! "}
INDENT = "    "
SHORT = 4  # lines of a block that is not whole


@dataclass(frozen=True, slots=True)
class FindingLine:
    """One line of a block."""

    finding: int  # which one it belongs to
    text: str
    head: bool = False


Block = list[FindingLine]


def finding_lines(
    rows: Sequence[Mapping[str, Any]],
    fixes: Sequence[Mapping[str, Any] | None],
    cursor: int,
    width: int,
    height: int,
) -> Block:
    """The lines of the findings `rows`, with the fix that is offered for each.

    All blocks are whole if they fit in `height` lines of `width` cells. Else the one under the cursor is, for no other
    place of a narrow screen shows its text, and the others have at most four lines each, or one if that is still too
    much.
    """
    parts = [_parts(at, row, fix, width) for at, (row, fix) in enumerate(zip(rows, fixes, strict=True))]
    blocks = [_whole(block) for block in parts]
    for others in (_shortened, _folded):
        if sum(map(len, blocks)) <= height:
            break
        blocks = [block if at == cursor else others(parts[at], width) for at, block in enumerate(blocks)]
    return [line for block in blocks for line in block]


def _parts(at: int, row: Mapping[str, Any], fix: Mapping[str, Any] | None, width: int) -> list[Block]:
    """What a block says: the sentence, what is known of it, what it explains, when it was put off, and the fix.

    Each in as many lines of `width` cells as it takes.
    """
    texts = [one_line(row["detail"])] if row["detail"] else []
    if row["explains"]:
        texts.append(f"also explains: {one_line(' · '.join(row['explains']))}")
    texts += [one_line(row["muted"])] if row["muted"] else []
    if fix:
        more = len(row["fixes"]) - 1
        texts.append(f"f  {one_line(fix['effect'])}" + (f"  (→ {more} more)" if more else ""))
    head = [FindingLine(at, line, head=True) for line in _wrapped(one_line(row["sentence"]), _mark(row), width)]
    return [head, *([FindingLine(at, line) for line in _wrapped(text, INDENT, width)] for text in texts)]


def _whole(parts: Sequence[Block]) -> Block:
    return [line for part in parts for line in part]


def _shortened(parts: Sequence[Block], width: int) -> Block:
    """A block in at most four lines: of each part what fits, the sentence first; without its detail if it has five."""
    kept = [part for at, part in enumerate(parts) if at != 1 or len(parts) <= SHORT]
    spare = SHORT - len(kept)
    lines: Block = []
    for part in kept:
        most = min(len(part), 1 + spare)
        spare -= most - 1
        lines += _cut(part, most, width)
    return lines


def _folded(parts: Sequence[Block], width: int) -> Block:
    return _cut(parts[0], 1, width)


def _cut(part: Block, most: int, width: int) -> Block:
    """The first `most` lines of a part; the last one ends in an ellipsis if there are more."""
    if len(part) <= most:
        return part
    last = part[most - 1]
    text = " ".join([last.text, *(line.text.strip() for line in part[most:])])
    return [*part[: most - 1], FindingLine(last.finding, fit(text, width, right=False), last.head)]


def _mark(row: Mapping[str, Any]) -> str:
    return " z" if row["muted"] else MARKS.get(row["level"], "  ")


def _wrapped(text: str, mark: str, width: int) -> list[str]:
    """`text` after `mark` in lines of `width` cells; those after the first are indented."""
    room = max(10, width - len(INDENT))
    first, *others = Content(text).wrap(room) or [Content("")]
    return [f"{mark}{first.plain.rstrip()}", *(f"{INDENT}{line.plain.rstrip()}" for line in others)]
